package dev.ondine.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ondine.tensor.Shape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The readers on real images, where those are there. */
class RealDataTest {
    private static Path data(String name) {
        Path path = Path.of("..", "shared", "data", name);
        assumeTrue(Files.exists(path), () -> path + " is not there");
        return path;
    }

    private static long count(Dataset set, int label) {
        return IntStream.range(0, set.size()).filter(i -> set.label(i) == label).count();
    }

    @Test
    void handwrittenDigits() {
        DataSplit split = Datasets.open("mnist:" + data("mnist10k"), 0);
        assertEquals(8500, split.train().size());
        assertEquals(1500, split.test().size());
        assertEquals(Shape.of(1, 28, 28), split.train().sampleShape());
        // The published figures of MNIST are 0.1307 and 0.3081; a sixth of it deviates by far less than 0.005.
        Normalization n = Normalization.of(split.train());
        assertEquals(0.1307f, n.mean()[0], 0.005f);
        assertEquals(0.3081f, n.std()[0], 0.005f);
    }

    @Test
    void colourPhotographs() {
        DataSplit split = Datasets.open("images:" + data("cifar10-jpeg.zip"), 0);
        assertEquals(Shape.of(3, 32, 32), split.train().sampleShape());
        assertEquals(
                List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
                split.train().classes());
        for (int label = 0; label < 10; label++) {
            assertEquals(5000, count(split.train(), label));
            assertEquals(1000, count(split.test(), label));
        }
        // The published figures of CIFAR-10, red, green, blue; JPEG and the sample of 8,192 move them by less than
        // 0.01.
        Normalization n = Normalization.of(split.train());
        float[] mean = {0.4914f, 0.4822f, 0.4465f};
        float[] std = {0.2470f, 0.2435f, 0.2616f};
        for (int c = 0; c < 3; c++) {
            assertEquals(mean[c], n.mean()[c], 0.01f);
            assertEquals(std[c], n.std()[c], 0.01f);
        }
    }
}
