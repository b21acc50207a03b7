package dev.ondine.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Map;

/**
 * A log of one JSON object a line, appended to. Every line goes to the system at once and whole, so that it can be
 * followed while it grows and survives the process. Not synchronized.
 */
public final class JsonLines implements AutoCloseable {
    private static final JsonFactory JSON = new JsonFactory();

    private final Path path;
    private final FileOutputStream out;
    /** The file's last line has no end: an earlier process was killed, or the disk was full, in the middle of it. */
    private boolean cut;

    private JsonLines(Path path, FileOutputStream out, boolean cut) {
        this.path = path;
        this.out = out;
        this.cut = cut;
    }

    /**
     * Opens a log to append to; creates the file, but not its folder.
     *
     * @throws FileSystemException if that fails: path, reason and what to do about it
     */
    public static JsonLines open(Path path) throws IOException {
        try {
            // Not a FileChannel: an interrupt would close that, and the log should tell what happened after one.
            FileOutputStream out = new FileOutputStream(path.toFile(), true);
            try {
                return new JsonLines(path, out, endsInsideLine(path));
            } catch (Throwable e) {
                out.close();
                throw e;
            }
        } catch (IOException e) {
            throw failure(path, "not opened", e, "see that its folder exists and is writable");
        }
    }

    /**
     * Appends one line.
     *
     * @param object numbers, strings, booleans, nulls and arrays of double by name, in the map's order; NaN and infinities become null
     * @throws IllegalArgumentException if a value is something else; nothing is written then
     * @throws FileSystemException if it cannot be written: path, reason and what to do about it
     */
    public void append(Map<String, ?> object) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        if (cut) line.write('\n');
        try (JsonGenerator json = JSON.createGenerator(line)) {
            json.writeStartObject();
            for (Map.Entry<String, ?> e : object.entrySet()) {
                json.writeFieldName(e.getKey());
                writeValue(json, e.getKey(), e.getValue());
            }
            json.writeEndObject();
        }
        line.write('\n');
        try {
            cut = true;
            out.write(line.toByteArray());
            cut = false;
        } catch (IOException e) {
            throw failure(path, "a line was not written", e, "see that the disk is not full");
        }
    }

    @Override
    public void close() throws IOException {
        out.close();
    }

    private static void writeValue(JsonGenerator json, String name, Object value) throws IOException {
        switch (value) {
            case null -> json.writeNull();
            case String s -> json.writeString(s);
            case Boolean b -> json.writeBoolean(b);
            case Float f when !Float.isFinite(f) -> json.writeNull();
            case Float f -> json.writeNumber(f);
            case Double d when !Double.isFinite(d) -> json.writeNull();
            case Double d -> json.writeNumber(d);
            case double[] array -> {
                json.writeStartArray();
                for (double d : array) writeValue(json, name, d);
                json.writeEndArray();
            }
            case BigInteger i -> json.writeNumber(i);
            case BigDecimal d -> json.writeNumber(d);
            case Number n
            when n instanceof Integer || n instanceof Long || n instanceof Short || n instanceof Byte ->
                json.writeNumber(n.longValue());
            default ->
                throw new IllegalArgumentException(
                        "the value of \"" + name + "\" is a " + value.getClass().getName()
                                + "; a log line takes numbers, strings, booleans, null and double[]");
        }
    }

    private static boolean endsInsideLine(Path path) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            if (file.length() == 0) return false;
            file.seek(file.length() - 1);
            return file.read() != '\n';
        }
    }

    private static FileSystemException failure(Path path, String what, IOException cause, String cure) {
        FileSystemException e =
                new FileSystemException(path.toString(), null, what + ": " + cause.getMessage() + "; " + cure);
        e.initCause(cause);
        return e;
    }
}
