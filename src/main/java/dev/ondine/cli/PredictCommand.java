package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.DataException;
import dev.ondine.data.ImageFile;
import dev.ondine.inspect.Attribution;
import dev.ondine.inspect.Probabilities;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.report.Picture;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.Predictor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Tells the classes of image files. */
@CommandLine.Command(
        name = "predict",
        sortOptions = false,
        description = {
            "Tell the classes of images, with probabilities.",
            "Each is scaled, cropped and normalized as the checkpoint says.",
            ""
        },
        footer = {
            "",
            "A picture of --explain shows the image, and beside it where it speaks for the class that was found"
                    + " (red) and against it (blue)."
        })
final class PredictCommand extends Command {
    private static final String OCCLUSION = "occlusion";
    private static final String GRADIENT = "gradient";

    /** Pictures of --explain are at least so high. */
    private static final int PICTURE_HEIGHT = 280;

    @Option(
            names = "--checkpoint",
            required = true,
            paramLabel = "FILE",
            description = "A model.safetensors of ondine train's.")
    private Path checkpoint;

    @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "JPEG or PNG files.")
    private List<Path> images;

    @Option(names = "--top", paramLabel = "N", description = "How many classes to show. Default: ${DEFAULT-VALUE}.")
    private int top = 5;

    @Option(
            names = "--explain",
            paramLabel = "DIR",
            description = "Write, for each image, NAME-explained.png into this folder: which pixels mattered.")
    private Path explain;

    @Option(
            names = "--explain-by",
            paramLabel = "METHOD",
            description = "occlusion: what covering a square costs; or gradient: of the class's logit, times the input."
                    + " Default: ${DEFAULT-VALUE}.")
    private String method = OCCLUSION;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Mixin
    private BackendOptions computing;

    private final Set<Path> drawn = new HashSet<>();

    private record Answer(Path image, int[] classes, double[] probabilities, Path picture) {}

    @Override
    public Integer call() throws IOException {
        require(top > 0, "--top", "at least 1", top);
        requireOneOf("--explain-by", List.of(OCCLUSION, GRADIENT), method);
        computing.check(this);
        ModelCard card = ModelCard.read(checkpoint)
                .orElseThrow(() -> new IOException(checkpoint
                        + " does not say which model it holds, nor its classes and normalization: ondine train did"
                        + " not write it"));
        if (!Models.isImported(card.model()) && !Models.classifiers().contains(card.model())) {
            throw new IOException(checkpoint + " holds a " + card.model() + ", which does not tell classes apart");
        }
        Backend backend = computing.open(this);
        List<Answer> answers = new ArrayList<>();
        boolean failed = false;
        try (Model model = Model.of(
                Models.create(card.model(), card.sample(), card.classes().size()), card.sample(), 0)) {
            Checkpoint.load(checkpoint, model);
            if (explain != null) Files.createDirectories(explain);
            try (Predictor predictor = new Predictor(model, card.normalization(), backend, computing.options())) {
                for (Path image : images) {
                    try {
                        Answer answer = predict(image, card, model, predictor, backend);
                        if (json) answers.add(answer);
                        else print(answer, card);
                    } catch (DataException e) {
                        err().println("ondine: " + e.getMessage());
                        failed = true;
                    }
                }
            }
        }
        if (json) out().println(json(answers, card));
        return failed ? FAILED : DONE;
    }

    private Answer predict(Path image, ModelCard card, Model model, Predictor predictor, Backend backend)
            throws IOException {
        float[] sample = ImageFile.read(image, card.sample());
        double[] p = Probabilities.of(predictor.predict(sample));
        if (Double.isNaN(p[0])) {
            throw new IOException(checkpoint + ": the model's output for " + image
                    + " is not finite; its parameters are damaged or training diverged");
        }
        int[] best = Probabilities.largest(p, Math.min(top, p.length));
        return new Answer(
                image, best, p, explain == null ? null : draw(image, sample, best[0], card, model, predictor, backend));
    }

    private Path draw(
            Path image, float[] sample, int category, ModelCard card, Model model, Predictor predictor, Backend backend)
            throws IOException {
        Shape shape = card.sample();
        float[] map;
        if (method.equals(OCCLUSION)) {
            // About a seventh of the image, and in half steps: some 200 squares whatever the size.
            int side = (int) Math.max(1, Math.min(shape.dim(1), shape.dim(2)) / 7);
            map = Attribution.occlusion(
                    predictor,
                    sample,
                    shape,
                    category,
                    side,
                    Math.max(1, side / 2),
                    card.normalization().mean());
        } else {
            map = Attribution.gradient(model, card.normalization(), backend, computing.options(), sample, category);
        }
        Picture seen = Picture.of(sample, 0, shape);
        int times = Math.max(1, Math.ceilDiv(PICTURE_HEIGHT, seen.height()));
        Picture both =
                Picture.row(List.of(seen.enlarged(times), seen.under(map).enlarged(times)), Math.max(4, 2 * times));
        Path file = explain.resolve(stem(image) + "-explained.png");
        // Images of one name from several folders.
        for (int i = 2; !drawn.add(file); i++) file = explain.resolve(stem(image) + "-" + i + "-explained.png");
        PageFile.write(file, both.png());
        return file;
    }

    private static String stem(Path image) {
        String name = image.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }

    private void print(Answer answer, ModelCard card) {
        out().println(answer.image());
        int width = 0;
        for (int c : answer.classes())
            width = Math.max(width, card.classes().get(c).length());
        for (int c : answer.classes()) {
            out().println("  " + Text.left(card.classes().get(c), width) + "  "
                    + Text.right(Text.percent(answer.probabilities()[c]), 8));
        }
        if (answer.picture() != null) out().println("  " + answer.picture());
    }

    private String json(List<Answer> answers, ModelCard card) throws IOException {
        return Json.write(json -> {
            json.writeStartObject();
            json.writeStringField("checkpoint", checkpoint.toString());
            json.writeStringField("model", card.model());
            json.writeArrayFieldStart("images");
            for (Answer answer : answers) {
                json.writeStartObject();
                json.writeStringField("image", answer.image().toString());
                json.writeArrayFieldStart("classes");
                for (int c : answer.classes()) {
                    json.writeStartObject();
                    json.writeStringField("class", card.classes().get(c));
                    json.writeNumberField("index", c);
                    json.writeNumberField("probability", answer.probabilities()[c]);
                    json.writeEndObject();
                }
                json.writeEndArray();
                if (answer.picture() != null)
                    json.writeStringField("explained", answer.picture().toString());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        });
    }
}
