import dev.ondine.data.DataException;
import dev.ondine.train.ClassProbability;
import dev.ondine.train.Predictor;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Tells the class of every JPEG and PNG file in a folder and the folders in it, into a CSV file: {@code file,class,probability}, a line an
 * image, sorted by name. Images that cannot be read are named on standard error, counted, and left out.
 *
 * <p>Arguments: a checkpoint or an ONNX file; the folder; the CSV file. While the network computes a batch on all processors, the images
 * of the next one are decoded, each by a thread of its own.
 */
public final class FolderScoring {
    private static final int BATCH = 64;

    private FolderScoring() {}

    /** An image's sample, or why there is none. */
    private record Decoded(Path file, float[] sample, String problem) {}

    private static Decoded decode(Path file, Predictor predictor) {
        try {
            return new Decoded(file, predictor.sample(file), null);
        } catch (DataException e) {
            return new Decoded(file, null, e.getMessage());
        }
    }

    private static List<Path> images(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile)
                    .filter(file -> file.getFileName()
                            .toString()
                            .toLowerCase(Locale.ROOT)
                            .matches(".*\\.(jpe?g|png)"))
                    .sorted()
                    .toList();
        }
    }

    private static List<Future<Decoded>> begin(
            List<Path> files, int from, Predictor predictor, ExecutorService decoders) {
        return files.subList(Math.min(from, files.size()), Math.min(from + BATCH, files.size())).stream()
                .map(file -> decoders.submit(() -> decode(file, predictor)))
                .toList();
    }

    /** The classes of one batch, a line each; the number of lines. */
    private static int score(List<Decoded> images, Path folder, Predictor predictor, PrintWriter csv) {
        List<Decoded> good =
                images.stream().filter(image -> image.sample() != null).toList();
        if (good.isEmpty()) return 0;
        float[] samples = new float[good.size() * predictor.sampleSize()];
        for (int i = 0; i < good.size(); i++) {
            System.arraycopy(good.get(i).sample(), 0, samples, i * predictor.sampleSize(), predictor.sampleSize());
        }
        List<List<ClassProbability>> classes = predictor.classify(samples, 1);
        for (int i = 0; i < good.size(); i++) {
            ClassProbability best = classes.get(i).getFirst();
            String name = folder.relativize(good.get(i).file()).toString();
            csv.println(quoted(name) + "," + quoted(best.name()) + "," + (float) best.probability());
        }
        return good.size();
    }

    /** As RFC 4180 has it, if need be. */
    private static String quoted(String field) {
        return field.matches("[^\",\r\n]*") ? field : '"' + field.replace("\"", "\"\"") + '"';
    }

    public static void main(String[] arguments) throws IOException, InterruptedException, ExecutionException {
        if (arguments.length != 3) {
            System.err.println("Usage: FolderScoring MODEL FOLDER CSV");
            System.exit(2);
        }
        Path folder = Path.of(arguments[1]);
        Path result = Path.of(arguments[2]).toAbsolutePath();
        Path unfinished = result.resolveSibling(result.getFileName() + ".unfinished");
        List<Path> files = images(folder);
        if (files.isEmpty()) throw new IOException(folder + " holds no .jpg, .jpeg or .png file");
        int scored = 0;
        try (Predictor predictor = Predictor.open(Path.of(arguments[0]));
                ExecutorService decoders =
                        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
                PrintWriter csv = new PrintWriter(Files.newBufferedWriter(unfinished))) {
            csv.println("file,class,probability");
            List<Future<Decoded>> next = begin(files, 0, predictor, decoders);
            for (int from = 0; from < files.size(); from += BATCH) {
                List<Decoded> batch = new ArrayList<>();
                for (Future<Decoded> image : next) batch.add(image.get());
                next = begin(files, from + BATCH, predictor, decoders);
                for (Decoded image : batch) if (image.problem() != null) System.err.println(image.problem());
                scored += score(batch, folder, predictor, csv);
            }
            if (csv.checkError()) throw new IOException(unfinished + " cannot be written");
        }
        Files.move(unfinished, result, StandardCopyOption.REPLACE_EXISTING); // whole, or not at all
        System.out.println(
                scored + " of " + files.size() + " images scored, " + (files.size() - scored) + " unreadable");
    }
}
