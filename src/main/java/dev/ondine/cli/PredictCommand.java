package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.data.DataException;
import dev.ondine.data.Normalization;
import dev.ondine.inspect.Attribution;
import dev.ondine.nn.Model;
import dev.ondine.report.Picture;
import dev.ondine.tensor.Shape;
import dev.ondine.train.ClassProbability;
import dev.ondine.train.Predictor;
import dev.ondine.train.SavedModel;
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
            description = "A model.safetensors of ondine train's, one with PyTorch's names, or an ONNX file.")
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

    @Option(
            names = "--model",
            paramLabel = "NAME",
            description = "As ondine models lists it, for a checkpoint that does not say it.")
    private String modelName;

    @Option(
            names = "--class-names",
            paramLabel = "A,B,…",
            split = ",",
            description = "What the classes are called. Default: what the file says, or 0, 1, …")
    private List<String> names = List.of();

    @Mixin
    private NormalizationOptions normalizing;

    @Option(
            names = "--crop",
            paramLabel = "SHARE",
            description = "Share of an image's shorter side that is looked at; 0.875 for networks from torchvision."
                    + " Default: what the file says, or 1.")
    private Double crop;

    @Mixin
    private BackendOptions computing;

    private final Set<Path> drawn = new HashSet<>();

    private record Answer(Path image, List<ClassProbability> classes, Path picture) {}

    @Override
    public Integer call() throws IOException {
        require(top > 0, "--top", "at least 1", top);
        requireOneOf("--explain-by", List.of(OCCLUSION, GRADIENT), method);
        computing.check(this);
        CheckpointOptions.checkName(checkpoint, this, modelName);
        Backend backend = computing.open(this);
        List<Answer> answers = new ArrayList<>();
        boolean failed = false;
        try (SavedModel saved = opened();
                Predictor predictor = predictor(saved, backend)) {
            requireClasses(predictor);
            if (explain != null) Files.createDirectories(explain);
            for (Path image : images) {
                try {
                    Answer answer = predict(image, predictor, backend);
                    if (json) answers.add(answer);
                    else print(answer);
                } catch (DataException e) {
                    err().println("ondine: " + e.getMessage());
                    failed = true;
                }
            }
            if (json) out().println(json(answers, saved.name()));
        }
        return failed ? FAILED : DONE;
    }

    private void requireClasses(Predictor predictor) throws IOException {
        try {
            predictor.classes();
        } catch (IllegalStateException e) {
            throw new IOException(checkpoint + ": " + e.getMessage(), e);
        }
    }

    private SavedModel opened() throws IOException {
        SavedModel.Opener opener = SavedModel.file(checkpoint);
        return modelName == null ? opener.open() : opener.model(modelName).open();
    }

    private Predictor predictor(SavedModel saved, Backend backend) throws IOException {
        int channels = Math.toIntExact(saved.model().sampleShape().dim(0));
        Predictor.Builder builder = Predictor.builder(saved).backend(backend).options(computing.options());
        normalizing.given(this, channels).ifPresent(builder::normalization);
        if (crop != null) {
            require(crop > 0 && crop <= 1, "--crop", "above 0 and at most 1", crop);
            builder.crop(crop);
        }
        if (!names.isEmpty()) builder.classNames(names);
        Predictor predictor = builder.build();
        if (predictor.normalization().isPresent()) return predictor;
        predictor.close();
        throw wrong(
                "--mean", checkpoint + " does not say what its samples were normalized with: give --mean and --std");
    }

    private Answer predict(Path image, Predictor predictor, Backend backend) throws IOException {
        float[] sample = predictor.sample(image);
        try {
            List<ClassProbability> best = predictor.classify(sample, top).getFirst();
            Path picture =
                    explain == null ? null : draw(image, sample, best.getFirst().index(), predictor, backend);
            return new Answer(image, best, picture);
        } catch (ArithmeticException e) {
            throw new IOException(checkpoint + ", " + image + ": " + e.getMessage(), e);
        }
    }

    private Path draw(Path image, float[] sample, int category, Predictor predictor, Backend backend)
            throws IOException {
        Model model = predictor.model();
        Normalization normalization = predictor.normalization().orElseThrow();
        Shape shape = model.sampleShape();
        float[] map;
        if (method.equals(OCCLUSION)) {
            // About a seventh of the image, and in half steps: some 200 squares whatever the size.
            int side = (int) Math.max(1, Math.min(shape.dim(1), shape.dim(2)) / 7);
            map = Attribution.occlusion(
                    predictor, sample, shape, category, side, Math.max(1, side / 2), normalization.mean());
        } else {
            map = Attribution.gradient(model, normalization, backend, computing.options(), sample, category);
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

    private void print(Answer answer) {
        out().println(answer.image());
        int width = 0;
        for (ClassProbability c : answer.classes())
            width = Math.max(width, c.name().length());
        for (ClassProbability c : answer.classes()) {
            out().println("  " + Text.left(c.name(), width) + "  " + Text.right(Text.percent(c.probability()), 8));
        }
        if (answer.picture() != null) out().println("  " + answer.picture());
    }

    private String json(List<Answer> answers, String name) throws IOException {
        return Json.write(json -> {
            json.writeStartObject();
            json.writeStringField("checkpoint", checkpoint.toString());
            json.writeStringField("model", name);
            json.writeArrayFieldStart("images");
            for (Answer answer : answers) {
                json.writeStartObject();
                json.writeStringField("image", answer.image().toString());
                json.writeArrayFieldStart("classes");
                for (ClassProbability c : answer.classes()) {
                    json.writeStartObject();
                    json.writeStringField("class", c.name());
                    json.writeNumberField("index", c.index());
                    json.writeNumberField("probability", c.probability());
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
