package dev.ondine.nn.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Layers;
import dev.ondine.nn.Mode;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.Shape;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelsTest {
    private static Model model(String name, Shape image, int classes) {
        return Model.of(Models.create(name, image, classes), image, 1);
    }

    /** torchvision publishes those of its ResNets; the others were counted by PyTorch on the same layers. */
    @ParameterizedTest
    @CsvSource({
        "mlp-bn,         1,  28,   10,    270346",
        "resnet20,       3,  32,   10,    272474",
        "resnet18-cifar, 3,  32,   10,  11173962",
        "resnet18,       3, 224, 1000,  11689512",
        "resnet34,       3, 224, 1000,  21797672",
        "resnet50,       3, 224, 1000,  25557032",
        "autoencoder,    1,  32,    0,    257441",
    })
    void parametersAreAsManyAsInPyTorch(String name, int channels, int side, int classes, long parameters) {
        try (Model model = model(name, Shape.of(channels, side, side), classes)) {
            assertEquals(parameters, model.parameters().learned());
        }
    }

    private static List<String> names(Model model, String beginning) {
        return model.parameters().specs().stream()
                .map(ParameterSpec::name)
                .filter(name -> name.startsWith(beginning))
                .toList();
    }

    /** The first stage of torchvision's resnet50, in the order of its state_dict. */
    @Test
    void resNetsNameTheirParametersAsTorchvision() {
        try (Model model = model("resnet50", Shape.of(3, 64, 64), 1000)) {
            List<String> norm = List.of("weight", "bias", "running_mean", "running_var", "num_batches_tracked");
            List<String> expected = new java.util.ArrayList<>();
            for (String layer : List.of("1", "2", "3")) {
                expected.add("layer2.0.conv" + layer + ".weight");
                for (String p : norm) expected.add("layer2.0.bn" + layer + "." + p);
            }
            expected.add("layer2.0.downsample.0.weight");
            for (String p : norm) expected.add("layer2.0.downsample.1." + p);
            assertEquals(expected, names(model, "layer2.0."));
            assertEquals(List.of("fc.weight", "fc.bias"), names(model, "fc."));
            assertEquals("conv1.weight", model.parameters().specs().getFirst().name());
            // 161 learned parameters and three buffers for each of 53 batch norms.
            assertEquals(161 + 3 * 53, model.parameters().specs().size());
            // Version 1.5 strides in the 3x3 convolution; both 1x1 ones have the same shapes either way.
            assertEquals(
                    Shape.of(128, 128, 3, 3),
                    model.parameters().get("layer2.0.conv2.weight").shape());
            assertEquals(
                    Shape.of(512, 256, 1, 1),
                    model.parameters().get("layer2.0.downsample.0.weight").shape());
        }
    }

    /** The stride of a stage lies in the 3x3 convolution: its 1x1 before still sees all pixels. */
    @Test
    void resNet50IsVersionOnePointFive() {
        try (Model model = model("resnet50", Shape.of(3, 64, 64), 10)) {
            var convolutions = model.graph(Mode.EVALUATION, 1, (_, _) -> {}).nodes().stream()
                    .filter(n -> n.path().startsWith("layer2.0.conv"))
                    .map(n -> n.path() + " " + n.output(0).shape())
                    .toList();
            assertEquals(
                    List.of(
                            "layer2.0.conv1 (1, 128, 16, 16)",
                            "layer2.0.conv2 (1, 128, 8, 8)",
                            "layer2.0.conv3 (1, 512, 8, 8)"),
                    convolutions);
        }
    }

    /** Normal with deviation √(2/(out·kernel)); the sample deviation of n numbers is off by 1/√(2n) of itself, five times that allowed. */
    @Test
    void resNetsBeginWithKaimingsNormal() {
        try (Model model = model("resnet18", Shape.of(3, 32, 32), 10)) {
            float[] w = model.parameters().get("layer2.0.conv1.weight").toFloatArray();
            double squares = 0;
            for (float v : w) squares += (double) v * v;
            double expected = Math.sqrt(2.0 / (128 * 9));
            assertEquals(expected, Math.sqrt(squares / w.length), 5 * expected / Math.sqrt(2.0 * w.length));
        }
    }

    /** PyTorch's default for transposed convolutions: the fan in is counted along the second axis of the weight, out/groups. */
    @Test
    void transposedConvolutionsBeginAsPyTorchs() {
        Layer layer = Layers.convTranspose2d(8, 32, 4).groups(2);
        try (Model model = Model.of(layer, Shape.of(8, 3, 3), 1)) {
            double bound = 1 / Math.sqrt(16 * 16);
            for (String name : List.of("weight", "bias")) {
                float largest = 0;
                for (float v : model.parameters().get(name).toFloatArray()) largest = Math.max(largest, Math.abs(v));
                assertTrue(largest <= bound, name + " reaches " + largest);
                // 32 uniform numbers or more all stay below two thirds of the bound once in 400,000 seeds.
                assertTrue(largest > bound * 2 / 3, name + " reaches only " + largest);
            }
            assertEquals(Shape.of(8, 16, 4, 4), model.parameters().get("weight").shape());
        }
    }

    @Test
    void anAutoencoderGivesBackTheShapeOfItsInput() {
        try (Model model = model("autoencoder", Shape.of(3, 40, 24), 0)) {
            assertEquals(Shape.of(3, 40, 24), model.outputShape());
        }
        var error = assertThrows(
                IllegalArgumentException.class, () -> Models.create("autoencoder", Shape.of(1, 28, 28), 0));
        assertTrue(error.getMessage().contains("multiples of 8"), error.getMessage());
    }

    @Test
    void everyClassifierGivesLogits() {
        for (String name : Models.classifiers()) {
            try (Model model = model(name, Shape.of(1, 32, 32), 7)) {
                assertEquals(Shape.of(7), model.outputShape(), name);
            }
        }
        assertTrue(Models.names().containsAll(Models.classifiers()));
    }
}
