package dev.ondine.nn.models;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.ondine.nn.Layer;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The zoo against what was published: numbers of parameters, names and shapes. */
class PublishedTest {
    private static long learned(List<ParameterSpec> specs) {
        return specs.stream()
                .filter(ParameterSpec::learned)
                .mapToLong(s -> s.shape().elements())
                .sum();
    }

    private static List<ParameterSpec> specs(String name) {
        ModelEntry entry = Models.get(name);
        return Model.specs(entry.create(), entry.sample());
    }

    /**
     * torchvision 0.29: the {@code num_params} that it documents for its weights, the entries of {@code state_dict()}, and the SHA-256
     * of a line for each entry in its order, the name and the extents with blanks between.
     */
    @ParameterizedTest
    @CsvSource({
        "resnet18,     11689512, 122, a2814497f17042edf98cc3850ac183114973a6abdcc4c5efa3fcd61168e88de7",
        "resnet34,     21797672, 218, ed7237f813dc2c4ec33a3f6597f79bb9fc4a4a02f83a41e561f0c31d1bb04ac1",
        "resnet50,     25557032, 320, b06703888a9ba82f605ff6380ca9c66ddd6ac0a815750e46986dd9aec69a49d1",
        "resnet101,    44549160, 626, 9df4c83ca3350c44bc32762f5815cf917e09d32928317915234103c8b61f5e88",
        "resnext50,    25028904, 320, 57a9d1ed964a25f56158b9b143c2e311994fa1eea37d0dda961b1fb9a8c88254",
        "mobilenetv2,   3504872, 314, df63ce70a3597cb2b901100c32558a29964a9c7d3b9cc8e9e3e097d66abcd162",
        "densenet121,   7978856, 727, d0325190aa75e5d5c6c0f64bdf87e4d30b01d866554c3d87e359837e5e6d70b5",
        "vgg11-bn,    132868840,  62, 5a319c9a47655c1add3c596a05c33beaec3334d31f4194f97d7fd1ebfc5ff157",
        "vgg16-bn,    138365992,  97, b8cd4752a39a9b42cfcb98fabca381a9d5f6bce327040d83071df3f97a55f531",
    })
    void asInTorchvision(String name, long parameters, int entries, String digest) throws NoSuchAlgorithmException {
        List<ParameterSpec> specs = specs(name);
        assertEquals(parameters, learned(specs));
        assertEquals(entries, specs.size());
        String text = specs.stream()
                .map(s -> s.name() + " "
                        + Arrays.stream(s.shape().dims())
                                .mapToObj(Long::toString)
                                .collect(Collectors.joining(" "))
                        + "\n")
                .collect(Collectors.joining());
        byte[] sha = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        assertEquals(digest, HexFormat.of().formatHex(sha), text);
    }

    /**
     * Millions of parameters as the papers print them: He et al. 2016, table 6; Zagoruyko and Komodakis 2016, table 4; Huang et al. 2017,
     * table 2.
     */
    @ParameterizedTest
    @CsvSource({
        "resnet20-a,     0.27, 0.005",
        "resnet32-a,     0.46, 0.005",
        "resnet56-a,     0.85, 0.005",
        "resnet110-a,    1.7,  0.05",
        "wrn28-10,       36.5, 0.05",
        "densenet-bc100, 0.8,  0.05",
    })
    void asInThePapers(String name, double millions, double halfOfTheLastDigit) {
        assertEquals(millions, learned(specs(name)) * 1e-6, halfOfTheLastDigit);
    }

    /** Counted by PyTorch on the same layers. */
    @ParameterizedTest
    @CsvSource({
        "mlp-bn,           270346",
        "resnet20,         272474",
        "resnet32,         466906",
        "resnet56,         855770",
        "resnet110,       1730714",
        "resnet18-cifar, 11173962",
        "wrn28-10,       36479194",
        "densenet-bc100,   769162",
        "vgg11-bn-cifar,  9231114",
        "vgg16-bn-cifar, 14728266",
        "autoencoder,      257441",
        "unet,           31037698",
        "unet-bilinear,  17263042",
    })
    void asInPyTorch(String name, long parameters) {
        assertEquals(parameters, learned(specs(name)));
    }

    /** Counted by hand. */
    @Test
    void transformer() {
        int patches = 9 * 48 + 2 * 48 + 48 * 9 * 96 + 2 * 96;
        int places = 7 * 7 * 96;
        int attention = 2 * 96 + 3 * 96 * (96 + 1) + 96 * (96 + 1);
        int perceptron = 2 * 96 + 96 * 192 + 2 * 192 + 96 * (192 + 1);
        int end = 2 * 96 + (96 + 1) * 10;
        assertEquals(patches + places + 4 * (attention + perceptron) + end, learned(specs("vit-bn-tiny")));
    }

    /** Networks that torchvision has not are named as their best-known implementations name them. */
    @Test
    void namesOfTheOthers() {
        assertNames(
                WideResNets.of(10, 2, 0.3, 3, 10),
                Shape.of(3, 32, 32),
                "conv1.weight",
                "block1.layer.0.bn1.running_mean",
                "block1.layer.0.convShortcut.weight",
                "block3.layer.0.conv2.weight",
                "bn1.num_batches_tracked",
                "fc.bias");
        assertNames(
                new UNet(3, 2, 4, 2),
                Shape.of(3, 16, 16),
                "inc.double_conv.0.weight",
                "down2.maxpool_conv.1.double_conv.4.running_var",
                "up1.up.bias",
                "up2.conv.double_conv.3.weight",
                "outc.conv.bias");
        assertNames(
                VisionTransformers.of(Shape.of(1, 8, 8), 10, 8, 2, 2, 8),
                Shape.of(1, 8, 8),
                "conv_proj.0.weight",
                "encoder.pos_embedding",
                "encoder.layers.encoder_layer_1.bn_1.running_var",
                "encoder.layers.encoder_layer_1.self_attention.in_proj_weight",
                "encoder.layers.encoder_layer_0.mlp.3.bias",
                "encoder.bn.weight",
                "heads.head.bias");
    }

    private static void assertNames(Layer layer, Shape sample, String... names) {
        List<String> all =
                Model.specs(layer, sample).stream().map(ParameterSpec::name).toList();
        List<String> found = Arrays.stream(names).filter(all::contains).toList();
        assertEquals(List.of(names), found, all.toString());
    }
}
