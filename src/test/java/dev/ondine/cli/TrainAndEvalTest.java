package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.io.SafeTensors;
import dev.ondine.io.SafeTensorsWriter;
import dev.ondine.onednn.api.OneDnn;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training, what it leaves behind, and measuring that. */
class TrainAndEvalTest {
    private static final String DATA = "digits:600,200";

    @TempDir
    Path folder;

    private Ondine.Outcome train(Path out, Object... more) {
        List<Object> arguments =
                new ArrayList<>(List.of("train", "--data", DATA, "--model", "mlp-bn", "--batch", 50, "--out", out));
        arguments.addAll(List.of(more));
        return Ondine.run(arguments.toArray());
    }

    @Test
    void trainsSavesLogsAndMeasuresTheSame() throws IOException {
        Path out = folder.resolve("a/b");
        Ondine.Outcome run = train(out, "--epochs", 2);
        assertEquals(0, run.code(), run.err());
        assertEquals("", run.err());
        assertFalse(
                run.out().contains("\u001b") || run.out().contains("\r"), "no control characters but on a terminal");
        assertEquals(2, run.out().lines().filter(l -> l.startsWith("epoch ")).count(), run.out());
        assertTrue(run.out().contains(out.resolve("model.safetensors").toString()), run.out());

        List<Map<String, String>> log = log(out);
        assertEquals(
                List.of("start", "epoch", "epoch", "end"),
                log.stream().map(l -> l.get("event")).toList());
        assertEquals("24", log.getLast().get("steps"));
        assertEquals("done", log.getLast().get("how"));
        assertEquals("mlp-bn", log.getFirst().get("model"));

        Path checkpoint = out.resolve("model.safetensors");
        assertEquals("2", Checkpoint.metadata(checkpoint).get("ondine.epochs"));
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", checkpoint);
        assertEquals(0, eval.code(), eval.err());
        assertEquals(
                Text.fixed(Double.parseDouble(log.get(2).get("test_loss")), 4),
                field(eval, "Loss"),
                "the loss of the log");
        assertTrue(
                field(eval, "Accuracy")
                        .startsWith(Text.percent(Double.parseDouble(log.get(2).get("test_accuracy")))),
                eval.out());
        assertTrue(field(Ondine.run("eval", "--checkpoint", checkpoint, "--split", "train"), "Data")
                .contains("600"));
    }

    /** Mixed targets, several workers and a validation part; the run is the same with other workers. */
    @Test
    void augmentsMixesAndValidates() throws IOException {
        Object[] much = {
            "--epochs",
            2,
            "--shift",
            2,
            "--mirror",
            "--rotate",
            10,
            "--jitter",
            0.2,
            "--cutout",
            4,
            "--mixup",
            0.2,
            "--cutmix",
            1,
            "--label-smoothing",
            0.1,
            "--validation",
            0.2
        };
        List<String> losses = new ArrayList<>();
        for (int workers : new int[] {1, 3}) {
            Path out = folder.resolve("run" + workers);
            List<Object> arguments = new ArrayList<>(List.of(much));
            arguments.addAll(List.of("--workers", workers));
            Ondine.Outcome run = train(out, arguments.toArray());
            assertEquals(0, run.code(), run.err());
            assertTrue(run.out().contains("480 train, 120 validation"), run.out());
            assertTrue(field(run, "Augmented").endsWith("mixup 0.2 or cutmix 1.0"), run.out());
            List<Map<String, String>> log = log(out);
            assertEquals("0.2", log.getFirst().get("mixup"));
            assertEquals("4", log.getFirst().get("cutout"));
            assertTrue(Double.parseDouble(log.get(1).get("input_wait_seconds")) >= 0);
            losses.add(log.get(2).get("train_loss") + " " + log.get(2).get("test_loss"));
        }
        assertEquals(losses.get(0), losses.get(1), "with three workers");
    }

    @Test
    void evalCountsByClass() throws IOException {
        Path out = folder.resolve("run");
        assertEquals(0, train(out, "--epochs", 2).code());
        Path checkpoint = out.resolve("model.safetensors");
        Ondine.Outcome text = Ondine.run("eval", "--checkpoint", checkpoint, "--top", 3, "--top", 10, "--confusion");
        assertEquals(0, text.code(), text.err());
        assertEquals("100.00 % (200)", field(text, "Top 10"));
        assertTrue(field(text, "Classes").contains("F1"), text.out());
        List<String> lines = text.out().lines().toList();
        int head = lines.indexOf(lines.stream()
                .filter(l -> l.startsWith("Samples of a class"))
                .findFirst()
                .orElseThrow());
        assertEquals(head + 11, lines.size(), "a row for each class");
        Ondine.Outcome json = Ondine.run("eval", "--checkpoint", checkpoint, "--top", 3, "--confusion", "--json");
        assertEquals(0, json.code(), json.err());
        assertTrue(json.out().startsWith("{") && json.out().stripTrailing().endsWith("]]}"), json.out());
        Map<String, Double> numbers = numbers(json.out());
        assertEquals(200, numbers.get("samples"));
        assertEquals(numbers.get("correct") / 200, numbers.get("accuracy"));
        assertTrue(numbers.get("3") >= numbers.get("accuracy"), json.out());
        assertEquals(10, json.out().split("\"precision\"").length - 1);
        long all = Arrays.stream(json.out()
                        .substring(json.out().indexOf("\"confusion\":") + 12)
                        .split("\\D+"))
                .filter(count -> !count.isEmpty())
                .mapToLong(Long::parseLong)
                .sum();
        assertEquals(200, all, "all counts of the matrix");
        Ondine.Outcome wrong = Ondine.run("eval", "--checkpoint", checkpoint, "--top", 11);
        assertEquals(2, wrong.code());
        assertTrue(wrong.err().contains("at most the model's 10 outputs"), wrong.err());
    }

    /** The first update makes weights so large that variances behind them overflow: every later step is left out, or ends training. */
    @Test
    void stepsThatAreNotFiniteAreLeftOutIfThatIsWanted() throws IOException {
        Object[] tooFast = {"--epochs", 2, "--lr", "1e30", "--schedule", "constant", "--warmup", 0};
        Ondine.Outcome failed = train(folder.resolve("fail"), tooFast);
        assertEquals(1, failed.code(), failed.out());
        assertTrue(failed.err().contains("step 2: the batch statistics of 2 are not finite"), failed.err());

        List<Object> skipping = new ArrayList<>(List.of(tooFast));
        skipping.addAll(List.of("--on-nonfinite", "skip"));
        Ondine.Outcome run = train(folder.resolve("skip"), skipping.toArray());
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("skipped 11 steps, the last: step 2: the batch statistics of 2"), run.out());
        assertTrue(run.out().contains("Done: 1 step"), run.out());
        Map<String, String> epoch = log(folder.resolve("skip")).get(1);
        assertEquals("11", epoch.get("skipped"));
        assertEquals("1", epoch.get("steps"));
        assertTrue(Double.isFinite(Double.parseDouble(epoch.get("train_loss"))), epoch.toString());
        // Nothing to average, which is not a loss of zero.
        Map<String, String> second = log(folder.resolve("skip")).get(2);
        assertEquals("12", second.get("skipped"));
        assertEquals("null", second.get("train_loss"));
    }

    @Test
    void residualBlocksMayBeginAsTheirShortcuts() throws IOException {
        Path out = folder.resolve("zero");
        // So slow that γ stays near what it began with.
        Ondine.Outcome run = Ondine.run(
                "train",
                "--data",
                "digits:40,10",
                "--model",
                "resnet20",
                "--batch",
                20,
                "--epochs",
                1,
                "--lr",
                "1e-6",
                "--zero-init-residual",
                "--out",
                out);
        assertEquals(0, run.code(), run.err());
        try (var tensors = SafeTensors.open(out.resolve("model.safetensors"));
                Tensor last = tensors.read("layer2.1.bn2.weight");
                Tensor first = tensors.read("layer2.1.bn1.weight")) {
            assertEquals(0, last.getFloatAt(3), 1e-3);
            assertEquals(1, first.getFloatAt(3), 1e-3);
        }
        Ondine.Outcome none = train(folder.resolve("none"), "--zero-init-residual");
        assertEquals(2, none.code());
        assertTrue(none.err().contains("mlp-bn has no residual block"), none.err());
    }

    @Test
    void endsEarlyAndKeepsTheBest() throws IOException {
        Path out = folder.resolve("run");
        // At this rate nothing changes, so that no epoch is better than the first.
        Ondine.Outcome run = train(out, "--epochs", 9, "--patience", 2, "--lr", 1e-30, "--warmup", 0, "--seed", 3);
        assertEquals(0, run.code(), run.err());
        assertTrue(run.out().contains("Enough: no better test accuracy than"), run.out());
        List<Map<String, String>> log = log(out);
        assertEquals("stopped early", log.getLast().get("how"));
        long epochs = log.stream().filter(l -> l.get("event").equals("epoch")).count();
        assertTrue(epochs < 9, run.out());
        assertTrue(Files.exists(out.resolve("best.safetensors")));
    }

    @Test
    void isRepeatable() throws IOException {
        train(folder.resolve("1"), "--epochs", 1, "--threads", 1, "--seed", 5);
        train(folder.resolve("2"), "--epochs", 1, "--threads", 1, "--seed", 5);
        assertArrayEquals(
                Files.readAllBytes(folder.resolve("1/model.safetensors")),
                Files.readAllBytes(folder.resolve("2/model.safetensors")));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--model lenet-bn --optimizer adam --schedule step",
                "--model cnn-bn --optimizer adamw --schedule constant --warmup 0",
                "--model resnet20 --optimizer sgd --label-smoothing 0.1 --shift 2 --mirror",
                "--model mlp-bn --backend reference --momentum 0.5",
                "--model cnn-bn --dtype bf16-emulated",
                "--model mlp-bn --backend reference --dtype bf16",
                "--model cnn-bn --ema 0.9 --optimizer rmsprop --schedule exponential --clip-norm 1 --accumulate 2",
                "--model cnn-bn --optimizer lars --schedule multistep --milestones 0.5,0.75 --no-decay-norm",
                "--model cnn-bn --optimizer lamb --schedule restarts --cycle 0.5 --lr-norm 0",
                "--model cnn-bn --optimizer muon --schedule onecycle --freeze 0 --lr-norm 0.1 --clip-value 0.1",
                "--model mlp-bn --swa 1 --optimizer adam --lookahead 2 --schedule plateau --schedule-per epoch",
            })
    void everyModelAndOptimizer(String options) {
        Path out = folder.resolve("run");
        List<Object> arguments = new ArrayList<>(List.of("train", "--data", "digits:64,32", "--batch", 16));
        arguments.addAll(List.of("--epochs", 1, "--out", out));
        arguments.addAll(List.of(options.split(" ")));
        Ondine.Outcome run = Ondine.run(arguments.toArray());
        assertEquals(0, run.code(), run.err());
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", out.resolve("model.safetensors"));
        assertEquals(0, eval.code(), eval.err());
    }

    @Test
    void bfloat16WithoutHardwareIsRefusedBeforeAnythingIsDone() {
        assumeFalse(OneDnn.supportsBfloat16(), "this processor has bfloat16");
        for (List<Object> command : List.of(
                List.<Object>of("train", "--data", DATA, "--out", folder.resolve("run")), List.<Object>of("bench"))) {
            List<Object> arguments = new ArrayList<>(command);
            arguments.addAll(List.of("--dtype", "bf16"));
            Ondine.Outcome run = Ondine.run(arguments.toArray());
            assertEquals(1, run.code(), run.err());
            assertTrue(run.err().contains("AVX512_BF16") && run.err().contains("bf16-emulated"), run.err());
            assertEquals(1, run.err().lines().count(), run.err());
            assertEquals("", run.out());
        }
    }

    @Test
    void doesNotReplaceACheckpointUnasked() throws IOException {
        train(folder, "--epochs", 1);
        byte[] before = Files.readAllBytes(folder.resolve("model.safetensors"));
        Ondine.Outcome refused = train(folder, "--epochs", 1, "--seed", 2);
        assertEquals(2, refused.code());
        assertTrue(refused.err().contains("--force"), refused.err());
        assertArrayEquals(before, Files.readAllBytes(folder.resolve("model.safetensors")));
        assertEquals(0, train(folder, "--epochs", 1, "--seed", 2, "--force").code());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--mixup", "--cutmix", "--label-smoothing"})
    void anAutoencoderHasNoClasses(String option) {
        Ondine.Outcome run = Ondine.run("train", "--model", "autoencoder", option, 0.5, "--out", folder.resolve("run"));
        assertEquals(2, run.code());
        assertTrue(run.err().contains(option) && run.err().contains("gives back its input"), run.err());
    }

    /** What is to be replaced is there until something replaces it, and nothing of it is shown as the new run's then. */
    @Test
    void aRunIsReplacedAsAWholeOrNotAtAll() throws IOException {
        Path run = folder.resolve("run");
        assertEquals(0, train(run, "--epochs", 1, "--ema", 0.9).code());
        Ondine.Outcome wrong =
                Ondine.run("train", "--data", "mnist:" + folder.resolve("none"), "--out", run, "--force");
        assertEquals(1, wrong.code(), wrong.err());
        Ondine.Outcome resumed = Ondine.run("train", "--resume", run);
        assertTrue(resumed.out().contains("Nothing to do"), resumed.out() + resumed.err());

        Ondine.Outcome other = train(run, "--epochs", 1, "--seed", 2, "--force");
        assertEquals(0, other.code(), other.err());
        assertFalse(Files.exists(run.resolve("averaged.safetensors")), "the average of another run");
        assertEquals(
                RunHistory.read(run).layers().size(),
                Files.readAllLines(run.resolve(LayerLog.FILE)).size(),
                "one epoch of each layer");
        try (Stream<Path> files = Files.list(run)) {
            assertEquals(
                    1,
                    files.filter(f -> f.getFileName().toString().startsWith(LayerLog.EVENTS))
                            .count());
        }
    }

    @Test
    void saysThatTheOutputFolderCannotBeWrittenBeforeTraining() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        Ondine.Outcome run = train(file.resolve("run"));
        assertEquals(1, run.code());
        assertTrue(run.err().contains("output folder " + file.resolve("run")), run.err());
        assertFalse(run.out().contains("epoch"), run.out());
    }

    @Test
    void keepsTheCheckpointWhenTheLossIsNotFinite() throws IOException {
        Path out = folder.resolve("run");
        assertEquals(0, train(out, "--epochs", 1).code());
        byte[] before = Files.readAllBytes(out.resolve("model.safetensors"));
        Ondine.Outcome run = train(out, "--epochs", 5, "--lr", "1e30", "--warmup", 0, "--force");
        assertEquals(1, run.code());
        assertTrue(run.err().contains("lower learning rate"), run.err());
        assertArrayEquals(before, Files.readAllBytes(out.resolve("model.safetensors")));
        assertEquals("failed", log(out).getLast().get("how"));
    }

    @Test
    void batchOfOneNamesTheLayer() {
        Ondine.Outcome run = train(folder.resolve("run"), "--batch", 1);
        // The option is given twice, which is wrong already.
        assertEquals(2, run.code());
        run = Ondine.run("train", "--data", DATA, "--model", "mlp-bn", "--batch", 1, "--out", folder.resolve("run"));
        assertEquals(1, run.code());
        assertTrue(run.err().contains("2: training takes more than one value per channel"), run.err());
    }

    @Test
    void checkpointAndDataMustFit() throws IOException {
        train(folder, "--epochs", 1);
        Path checkpoint = folder.resolve("model.safetensors");
        Path images = folder.resolve("images");
        for (String part : new String[] {"train", "test"}) {
            for (String name : new String[] {"cat", "dog"}) {
                Path place = Files.createDirectories(images.resolve(part).resolve(name));
                javax.imageio.ImageIO.write(
                        new java.awt.image.BufferedImage(28, 28, java.awt.image.BufferedImage.TYPE_BYTE_GRAY),
                        "png",
                        place.resolve("1.png").toFile());
            }
        }
        Ondine.Outcome classes = Ondine.run("eval", "--checkpoint", checkpoint, "--data", "images:" + images);
        assertEquals(1, classes.code());
        assertTrue(classes.err().contains("cat, dog"), classes.err());
        Ondine.Outcome shape =
                Ondine.run("eval", "--checkpoint", checkpoint, "--data", "images:" + images + "?size=14x14");
        assertEquals(1, shape.code());
        assertTrue(shape.err().contains("(1, 14, 14)"), shape.err());
        Ondine.Outcome model = Ondine.run("eval", "--checkpoint", checkpoint, "--model", "lenet-bn");
        assertEquals(2, model.code());
        assertTrue(model.err().contains("leave the option out"), model.err());
    }

    @Test
    void checkpointsOfOthersNeedAModel() throws IOException {
        train(folder, "--epochs", 1);
        Path own = folder.resolve("model.safetensors");
        Path foreign = folder.resolve("foreign.safetensors");
        Files.copy(own, foreign);
        try (var file = SafeTensors.open(own)) {
            List<SafeTensorsWriter.Entry> entries = new ArrayList<>();
            for (String name : file.names()) entries.add(new SafeTensorsWriter.Entry(name, file.tensor(name)));
            SafeTensorsWriter.write(foreign, Map.of(), entries);
        }
        Ondine.Outcome nameless = Ondine.run("eval", "--checkpoint", foreign);
        assertEquals(1, nameless.code());
        assertTrue(nameless.err().contains("--model"), nameless.err());
        Ondine.Outcome other = Ondine.run("eval", "--checkpoint", foreign, "--model", "lenet-bn", "--data", DATA);
        assertEquals(1, other.code());
        assertTrue(other.err().contains("does not fit the model"), other.err());
        Ondine.Outcome named = Ondine.run("eval", "--checkpoint", foreign, "--model", "mlp-bn", "--data", DATA);
        assertEquals(0, named.code(), named.err());
        assertEquals(field(Ondine.run("eval", "--checkpoint", own), "Accuracy"), field(named, "Accuracy"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ondine.sample_shape=[1, 28",
                "ondine.sample_shape=[1, -28, 28]",
                "ondine.classes={}",
                "ondine.mean=[]",
                "ondine.std=[0.0]",
                "ondine.std=[x]",
                "ondine.seed=one",
                "ondine.model=vgg",
            })
    void damagedMetadata(String entry) throws IOException {
        Map<String, String> metadata = new LinkedHashMap<>(Map.of(
                "ondine.model", "mlp-bn",
                "ondine.sample_shape", "[1, 28, 28]",
                "ondine.classes", "[\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]",
                "ondine.mean", "[0.1]",
                "ondine.std", "[0.3]",
                "ondine.data", DATA,
                "ondine.seed", "1"));
        int equals = entry.indexOf('=');
        metadata.put(entry.substring(0, equals), entry.substring(equals + 1));
        Path file = folder.resolve("model.safetensors");
        try (Tensor tensor = Tensor.allocate(DataType.FLOAT32, Shape.of(1))) {
            SafeTensorsWriter.write(file, metadata, List.of(new SafeTensorsWriter.Entry("x", tensor)));
        }
        Ondine.Outcome run = Ondine.run("eval", "--checkpoint", file);
        assertEquals(1, run.code());
        assertTrue(run.err().contains(entry.equals("ondine.model=vgg") ? "vgg" : file.toString()), run.err());
        assertFalse(run.err().contains("fault of Ondine"), run.err());
    }

    private static String field(Ondine.Outcome run, String name) {
        return run.out()
                .lines()
                .filter(l -> l.startsWith(name + " "))
                .findFirst()
                .orElseThrow(() -> new AssertionError(run.out() + run.err()))
                .substring(name.length())
                .strip();
    }

    /** The numbers of an object and of those in it, the first one of a name. */
    private static Map<String, Double> numbers(String text) throws IOException {
        Map<String, Double> numbers = new LinkedHashMap<>();
        try (JsonParser json = new JsonFactory().createParser(text)) {
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                boolean isField =
                        json.currentName() != null && !json.getParsingContext().inArray();
                if (token.isNumeric() && isField) numbers.putIfAbsent(json.currentName(), json.getDoubleValue());
            }
        }
        return numbers;
    }

    private static List<Map<String, String>> log(Path folder) throws IOException {
        List<Map<String, String>> lines = new ArrayList<>();
        for (String text : Files.readAllLines(folder.resolve("log.jsonl"))) {
            Map<String, String> line = new LinkedHashMap<>();
            try (JsonParser json = new JsonFactory().createParser(text)) {
                json.nextToken();
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    String name = json.currentName();
                    json.nextToken();
                    line.put(name, json.getText());
                }
            }
            lines.add(line);
        }
        return lines;
    }
}
