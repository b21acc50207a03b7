package dev.ondine.nn.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.graph.Op;
import dev.ondine.nn.Initializer;
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
    void transposedConvolutionsBeginAsOneSays() {
        Layer layer = Layers.convTranspose2d(8, 32, 4)
                .start(new Initializer.Constant(2))
                .biasStart(new Initializer.Constant(3))
                .groups(2);
        try (Model model = Model.of(layer, Shape.of(8, 3, 3), 1)) {
            for (float v : model.parameters().get("weight").toFloatArray()) assertEquals(2, v);
            for (float v : model.parameters().get("bias").toFloatArray()) assertEquals(3, v);
        }
    }

    @Test
    void everyNetworkGivesWhatItsTaskSays() {
        for (ModelEntry entry : Models.all()) {
            Shape sample = entry.sample();
            Shape output = Model.graph(entry.create(), sample, Mode.EVALUATION, 3)
                    .outputs()
                    .get(Model.OUTPUT)
                    .shape();
            Shape expected = switch (entry.task()) {
                case CLASSIFICATION -> Shape.of(3, entry.classes());
                case SEGMENTATION -> Shape.of(3, entry.classes(), sample.dim(1), sample.dim(2));
                case RECONSTRUCTION -> sample.prepend(3);
            };
            assertEquals(expected, output, entry.name());
        }
    }

    /** Other sizes than the published one, even and odd. */
    @ParameterizedTest
    @CsvSource({"32, 32", "57, 41", "64, 96"})
    void otherSizesOfImages(int height, int width) {
        Shape image = Shape.of(2, height, width);
        for (ModelEntry entry : Models.all()) {
            Shape output = Model.graph(entry.create(image, 7), image, Mode.TRAINING, 2)
                    .outputs()
                    .get(Model.OUTPUT)
                    .shape();
            Shape expected = switch (entry.task()) {
                case CLASSIFICATION -> Shape.of(2, 7);
                case SEGMENTATION -> Shape.of(2, 7, height, width);
                case RECONSTRUCTION -> image.prepend(2);
            };
            assertEquals(expected, output, entry.name());
        }
    }

    @Test
    void vggTakesImagesOfAnySize() {
        for (Shape image : List.of(Shape.of(3, 448, 240), Shape.of(3, 256, 100), Shape.of(3, 32, 300)))
            assertEquals(
                    Shape.of(2, 10),
                    Model.graph(Models.create("vgg11-bn", image, 10), image, Mode.EVALUATION, 2)
                            .outputs()
                            .get(Model.OUTPUT)
                            .shape());
    }

    @ParameterizedTest
    @CsvSource({
        "vgg11-bn,      3, 31,  variants for CIFAR",
        "lenet-bn,      1, 12,  at least 16 pixels",
        "unet-small,    1, 7,   at least 8 pixels",
    })
    void imagesThatANetworkCannotTake(String name, int channels, int side, String expected) {
        Shape image = Shape.of(channels, side, side);
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> Model.graph(Models.create(name, image, 10), image, Mode.EVALUATION, 1));
        assertTrue(error.getMessage().contains(expected), error.getMessage());
    }

    @Test
    void samplesThatAreNoImages() {
        for (ModelEntry entry : Models.all()) {
            if (entry.name().equals("mlp-bn")) continue;
            var error =
                    assertThrows(IllegalArgumentException.class, () -> entry.create(Shape.of(784), 10), entry.name());
            assertTrue(error.getMessage().contains("(channels, height, width)"), error.getMessage());
        }
    }

    @Test
    void unknownNamesGetTheNearest() {
        var error = assertThrows(IllegalArgumentException.class, () -> Models.get("resnet-50"));
        assertTrue(error.getMessage().contains("the nearest is 'resnet50'"), error.getMessage());
    }

    @Test
    void depthsThatDoNotExist() {
        assertThrows(IllegalArgumentException.class, () -> ResNets.cifar(21, 3, 10));
        assertThrows(IllegalArgumentException.class, () -> WideResNets.of(29, 1, 0, 3, 10));
        assertThrows(IllegalArgumentException.class, () -> DenseNets.cifar(99, 12, 3, 10));
        assertThrows(IllegalArgumentException.class, () -> Vgg.cifar(12, 3, 10));
    }

    /** The noise is there in training only, and has no parameters. */
    @Test
    void denoisingAutoencodersSeeNoiseInTraining() {
        Shape image = Shape.of(1, 28, 28);
        Layer noisy = Models.create("denoising-autoencoder", image, 0);
        assertEquals(
                Model.specs(Models.create("autoencoder", image, 0), image).stream()
                        .map(ParameterSpec::name)
                        .toList(),
                Model.specs(noisy, image).stream().map(ParameterSpec::name).toList());
        assertTrue(
                Model.graph(noisy, image, Mode.TRAINING, 2).nodes().getFirst().op() instanceof Op.Dropout);
        assertTrue(Model.graph(noisy, image, Mode.EVALUATION, 2).nodes().stream()
                .noneMatch(node -> node.op() instanceof Op.Dropout));
    }
}
