package dev.ondine.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
    @TempDir
    Path folder;

    /** The same three events as TensorBoard's own writer puts them down (tensorboard 2.21, RecordWriter and event_pb2). */
    @Test
    void sameBytesAsTensorBoard() throws IOException {
        Path file = folder.resolve("events.out.tfevents.test");
        try (EventFile events = EventFile.create(file, 1.5)) {
            events.scalar("loss/train", 2.5, 7, 0.25);
            events.histogram("h", 3, 300, Histogram.of(new float[] {2, 2, 2}));
        }
        assertEquals(
                "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
                        + "200000000000000029eda95009000000000000044010072a130a110a0a6c6f73732f747261696e15"
                        + "0000803e0140743356000000000000004e2de2b209000000000000084010ac022a480a460a01682a"
                        + "41090000000000000040110000000000000040190000000000000840210000000000001840290000"
                        + "000000002840320800000000000000403a080000000000000840bcc18dd2",
                HexFormat.of().formatHex(Files.readAllBytes(file)));
    }

    /** The check value of CRC-32C is 0xE3069283 for these digits; TFRecords rotate it by 15 and add a constant. */
    @Test
    void maskedChecksum() {
        int crc = 0xE3069283;
        int expected = ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
        assertEquals(expected, EventFile.maskedChecksum("123456789".getBytes(StandardCharsets.US_ASCII)));
    }

    @Test
    void quantilesBetweenNeighbours() {
        Histogram histogram = Histogram.of(new float[] {4, Float.NaN, 0, 1, Float.POSITIVE_INFINITY, 3, 2});
        assertEquals(5, histogram.count());
        assertEquals(0, histogram.quantile(0));
        assertEquals(2, histogram.quantile(0.5));
        assertEquals(0.5, histogram.quantile(0.125));
        assertEquals(4, histogram.quantile(1));
        assertTrue(Double.isNaN(Histogram.of(new float[0]).quantile(0.5)));
    }
}
