package dev.ondine.io;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * A file of events as TensorBoard reads them: TFRecords (a length, the data, and of both a masked CRC-32C, little-endian), each an {@code
 * Event} of tensorflow/core/util/event.proto. Every event goes to the system at once and whole, so that the file can be followed while it
 * grows. Not synchronized.
 */
public final class EventFile implements AutoCloseable {
    // Fields of Event, Summary, Summary.Value and HistogramProto, by their numbers in the .proto files.
    private static final int EVENT_WALL_TIME = 1;
    private static final int EVENT_STEP = 2;
    private static final int EVENT_FILE_VERSION = 3;
    private static final int EVENT_SUMMARY = 5;
    private static final int SUMMARY_VALUE = 1;
    private static final int VALUE_TAG = 1;
    private static final int VALUE_SIMPLE = 2;
    private static final int VALUE_HISTOGRAM = 5;

    private final FileOutputStream out;

    private EventFile(FileOutputStream out) {
        this.out = out;
    }

    /**
     * Opens a new file; TensorBoard finds it by {@code tfevents} in its name.
     *
     * @throws IOException if it cannot be made
     */
    public static EventFile create(Path path, double seconds) throws IOException {
        FileOutputStream out = new FileOutputStream(path.toFile());
        EventFile file = new EventFile(out);
        try {
            file.event(seconds, 0, event -> event.writeString(EVENT_FILE_VERSION, "brain.Event:2"));
        } catch (IOException | RuntimeException e) {
            out.close();
            throw e;
        }
        return file;
    }

    /**
     * Adds a number.
     *
     * @param seconds since 1970, of now
     */
    public void scalar(String tag, double seconds, long step, double value) throws IOException {
        byte[] one = message(v -> {
            v.writeString(VALUE_TAG, tag);
            v.writeFloat(VALUE_SIMPLE, (float) value);
        });
        value(seconds, step, one);
    }

    /** Adds how some numbers are spread. */
    public void histogram(String tag, double seconds, long step, Histogram histogram) throws IOException {
        byte[] one = message(v -> {
            v.writeString(VALUE_TAG, tag);
            v.writeByteArray(VALUE_HISTOGRAM, message(histogram::write));
        });
        value(seconds, step, one);
    }

    private void value(double seconds, long step, byte[] value) throws IOException {
        byte[] summary = message(s -> s.writeByteArray(SUMMARY_VALUE, value));
        event(seconds, step, event -> event.writeByteArray(EVENT_SUMMARY, summary));
    }

    private void event(double seconds, long step, Message what) throws IOException {
        byte[] data = message(event -> {
            event.writeDouble(EVENT_WALL_TIME, seconds);
            if (step != 0) event.writeInt64(EVENT_STEP, step); // as proto3 leaves zeros out
            what.write(event);
        });
        byte[] length = new byte[Long.BYTES];
        little(length).putLong(data.length);
        byte[] record = new byte[length.length + 2 * Integer.BYTES + data.length];
        little(record).put(length).putInt(maskedChecksum(length)).put(data).putInt(maskedChecksum(data));
        out.write(record);
    }

    /** Writes the fields of a message. */
    @FunctionalInterface
    interface Message {
        void write(CodedOutputStream fields) throws IOException;
    }

    private static byte[] message(Message body) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        CodedOutputStream fields = CodedOutputStream.newInstance(bytes);
        body.write(fields);
        fields.flush();
        return bytes.toByteArray();
    }

    /** As TFRecords mask their checksums: a CRC of data that holds CRCs is a poor one. */
    static int maskedChecksum(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        return Integer.rotateRight((int) crc.getValue(), 15) + 0xa282ead8;
    }

    private static ByteBuffer little(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
