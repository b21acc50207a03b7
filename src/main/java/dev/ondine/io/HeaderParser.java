package dev.ondine.io;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonParser.NumberType;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.ondine.tensor.Shape;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.lang.foreign.MemorySegment;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads and checks the header of a safetensors file whose length of the header is known to be possible. */
final class HeaderParser {
    /** The most axes of a tensor: PyTorch's limit, and far beyond oneDNN's. */
    private static final int MAX_RANK = 64;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxDocumentLength(SafeTensors.MAX_HEADER)
                    .maxStringLength(SafeTensors.MAX_HEADER)
                    .maxNameLength(1 << 16)
                    .maxNumberLength(100)
                    .maxNestingDepth(8)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // Names from a file are used once: a table of them would only be something to attack.
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build();

    private final Path path;
    private final MemorySegment text;
    private final long dataStart;
    private final long dataBytes;
    private final JsonParser json;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    private HeaderParser(Path path, MemorySegment file, long headerLength, JsonParser json) {
        this.path = path;
        this.text = file.asSlice(8, headerLength);
        this.dataStart = 8 + headerLength;
        this.dataBytes = file.byteSize() - dataStart;
        this.json = json;
    }

    /**
     * Reads the header of a mapped file.
     *
     * @param headerLength the length that the file gives for its header; it is not past the end
     */
    static SafeTensorsHeader parse(Path path, MemorySegment file, long headerLength) throws IOException {
        if (headerLength == 0 || file.get(JAVA_BYTE, 8) != '{') {
            throw new SafeTensorsException(
                    path + ": not a safetensors file: the header at offset 8 does not begin with '{'");
        }
        Reader reader = new InputStreamReader(
                new SegmentInputStream(file.asSlice(8, headerLength)), StandardCharsets.UTF_8.newDecoder());
        try (JsonParser json = JSON.createParser(reader)) {
            HeaderParser parser = new HeaderParser(path, file, headerLength, json);
            try {
                parser.parseHeader();
            } catch (JsonProcessingException e) {
                JsonLocation at = e.getLocation() == null ? json.currentLocation() : e.getLocation();
                String place = "offset " + parser.fileOffset(at.getCharOffset());
                String reason = Text.printable(e.getOriginalMessage());
                throw new SafeTensorsException(path + ": the header is not valid JSON at " + place + ": " + reason, e);
            } catch (CharacterCodingException e) {
                throw new SafeTensorsException(
                        path + ": the header is not valid UTF-8, somewhere after offset "
                                + parser.fileOffset(json.currentLocation().getCharOffset()),
                        e);
            }
            parser.checkPlaces();
            return new SafeTensorsHeader(parser.metadata, parser.tensors);
        }
    }

    private void parseHeader() throws IOException {
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            if (value != JsonToken.START_OBJECT) {
                throw broken("the header's entry " + Text.quoted(name) + " must be an object");
            }
            if (name.equals(SafeTensors.METADATA)) {
                parseMetadata();
            } else {
                if (name.isEmpty()) throw broken("a tensor has an empty name");
                tensors.put(name, parseTensor(name));
                checkCount(tensors.size(), "tensors");
            }
        }
        if (json.nextToken() != null) throw broken("something follows the header's object");
    }

    private void parseMetadata() throws IOException {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String key = json.currentName();
            if (json.nextToken() != JsonToken.VALUE_STRING) {
                throw broken(SafeTensors.METADATA + ": the value of " + Text.quoted(key) + " must be a string");
            }
            metadata.put(key, json.getText());
            checkCount(metadata.size(), "metadata entries");
        }
    }

    private TensorInfo parseTensor(String name) throws IOException {
        StoredType type = null;
        Shape shape = null;
        long[] offsets = null;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            JsonToken value = json.nextToken();
            switch (field) {
                case "dtype" -> type = parseType(name, value);
                case "shape" -> shape = parseShape(name, value);
                case "data_offsets" -> offsets = parseNumbers(name, field, value, 2);
                default ->
                    throw broken(
                            name,
                            "has a field " + Text.quoted(field)
                                    + "; the format allows dtype, shape and data_offsets only");
            }
        }
        if (type == null) throw broken(name, "has no dtype");
        if (shape == null) throw broken(name, "has no shape");
        if (offsets == null) throw broken(name, "has no data_offsets");
        if (offsets.length != 2) throw broken(name, "has " + offsets.length + " data_offsets, not a begin and an end");
        checkSize(name, type, shape, offsets[0], offsets[1]);
        return new TensorInfo(name, type, shape, dataStart + offsets[0], dataStart + offsets[1]);
    }

    private StoredType parseType(String name, JsonToken value) throws IOException {
        if (value != JsonToken.VALUE_STRING) throw broken(name, "has a dtype that is not a string");
        String text = json.getText();
        return StoredType.named(text).orElseThrow(() -> broken(name, "has the unknown dtype " + Text.quoted(text)));
    }

    private Shape parseShape(String name, JsonToken value) throws IOException {
        long[] dims = parseNumbers(name, "shape", value, MAX_RANK);
        for (long d : dims) {
            if (d == 0)
                throw broken(
                        name, "has no elements: its shape is " + Arrays.toString(dims) + "; remove it from the file");
        }
        try {
            return Shape.of(dims);
        } catch (IllegalArgumentException e) {
            throw broken(name, "has the shape " + Arrays.toString(dims) + " with more than 2^63 elements");
        }
    }

    /** An array of at most so many whole numbers, none negative. */
    private long[] parseNumbers(String name, String field, JsonToken value, int most) throws IOException {
        if (value != JsonToken.START_ARRAY) throw broken(name, "has a " + field + " that is not an array");
        long[] numbers = new long[most];
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (json.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw broken(
                        name,
                        "has " + Text.quoted(json.getText()) + " in its " + field + ", which takes whole numbers only");
            }
            if (count == most) throw broken(name, "has more than " + most + " numbers in its " + field);
            if (json.getNumberType() == NumberType.BIG_INTEGER) {
                throw broken(name, "has " + Text.printable(json.getText()) + " in its " + field + ", beyond 2^63");
            }
            long number = json.getLongValue();
            if (number < 0) throw broken(name, "has the negative number " + number + " in its " + field);
            numbers[count++] = number;
        }
        return Arrays.copyOf(numbers, count);
    }

    private void checkSize(String name, StoredType type, Shape shape, long begin, long end)
            throws SafeTensorsException {
        String offsets = "data_offsets [" + begin + ", " + end + "]";
        if (begin > end) throw broken(name, "has " + offsets + ", which end before they begin");
        if (end > dataBytes) {
            throw broken(
                    name,
                    "has " + offsets + ", but the file has only " + dataBytes + " bytes of data from offset "
                            + dataStart + " on: it is truncated or damaged");
        }
        long bits;
        try {
            bits = Math.multiplyExact(shape.elements(), type.bits());
        } catch (ArithmeticException e) {
            throw broken(name, "is " + type + " " + shape + ", more than 2^63 bits");
        }
        if (bits % 8 != 0) throw broken(name, "is " + type + " " + shape + ", which is not a whole number of bytes");
        if (end - begin != bits / 8) {
            throw broken(
                    name,
                    "has " + offsets + ", " + (end - begin) + " bytes, but " + type + " " + shape + " takes "
                            + bits / 8);
        }
    }

    /**
     * The data must be covered by the tensors exactly: whatever is not could hide something, whatever is twice is
     * wrong.
     */
    private void checkPlaces() throws SafeTensorsException {
        long next = dataStart;
        String previous = null;
        for (TensorInfo info : SafeTensorsHeader.byOffset(tensors)) {
            if (info.begin() < next) {
                throw new SafeTensorsException(path + ": tensor " + Text.quoted(info.name()) + " begins at offset "
                        + info.begin() + ", inside tensor " + Text.quoted(previous) + ", which ends at " + next);
            }
            if (info.begin() > next) {
                throw new SafeTensorsException(
                        path + ": " + (info.begin() - next) + " bytes at offset " + next + ", before tensor "
                                + Text.quoted(info.name()) + ", belong to no tensor; the format allows no holes");
            }
            next = info.end();
            previous = info.name();
        }
        if (next != dataStart + dataBytes) {
            throw new SafeTensorsException(path + ": " + (dataStart + dataBytes - next) + " bytes at offset " + next
                    + ", after " + (previous == null ? "the header" : "the last tensor " + Text.quoted(previous))
                    + ", belong to no tensor; the format allows no trailing bytes");
        }
    }

    private void checkCount(int count, String what) throws SafeTensorsException {
        if (count > SafeTensors.MAX_TENSORS)
            throw broken("there are more than " + SafeTensors.MAX_TENSORS + " " + what);
    }

    private SafeTensorsException broken(String name, String what) {
        return broken("tensor " + Text.quoted(name) + " " + what);
    }

    private SafeTensorsException broken(String what) {
        return new SafeTensorsException(path + ": " + what + " (header, offset "
                + fileOffset(json.currentTokenLocation().getCharOffset()) + ")");
    }

    /** Where in the file the so-manieth UTF-16 character of the header is. */
    private long fileOffset(long characters) {
        long i = 0;
        for (long left = characters; left > 0 && i < text.byteSize(); i++) {
            int b = text.get(JAVA_BYTE, i) & 0xff;
            boolean continuation = (b & 0xc0) == 0x80;
            if (!continuation) left -= b >= 0xf0 ? 2 : 1;
        }
        while (i < text.byteSize() && (text.get(JAVA_BYTE, i) & 0xc0) == 0x80) i++;
        return 8 + i;
    }
}
