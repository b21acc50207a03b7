package dev.ondine.io.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;

/**
 * The fields of one protocol buffer message, one after another, without copying their contents: for the outermost messages of an ONNX
 * file, whose tensors stay in the mapped file and may lie beyond the 2 GB at which the generated classes end. What is inside of the
 * fields is left to those classes.
 */
final class WireReader {
    /** Wire types of the encoding: what follows a field's number. */
    static final int VARINT = 0;

    static final int FIXED64 = 1;
    static final int BYTES = 2;
    static final int FIXED32 = 5;

    private final String where;
    private final MemorySegment message;
    private long position;
    private long start;
    private int field;
    private int type;
    private long contents;

    /** @param where the message is, for errors */
    WireReader(String where, MemorySegment message) {
        this.where = where;
        this.message = message;
    }

    /**
     * Goes on to the next field.
     *
     * @return whether there is one
     * @throws OnnxException if the message is no protocol buffer, or ends too early
     */
    boolean next() throws OnnxException {
        if (position == message.byteSize()) return false;
        start = position;
        long tag = varint();
        type = (int) (tag & 7);
        field = (int) (tag >>> 3);
        if (tag >>> 32 != 0 || field == 0) throw broken("has no field's number at offset " + start);
        long length = switch (type) {
            case VARINT -> {
                contents = position;
                varint();
                yield position - contents;
            }
            case FIXED64 -> 8;
            case FIXED32 -> 4;
            case BYTES -> varint();
            default -> throw broken("has a field of the unknown kind " + type + " at offset " + start);
        };
        if (type != VARINT) {
            contents = position;
            if (length < 0 || length > message.byteSize() - position) {
                throw broken("ends early: field " + field + " at offset " + start + " claims "
                        + Long.toUnsignedString(length) + " bytes, and " + (message.byteSize() - position)
                        + " are left");
            }
            position += length;
        }
        return true;
    }

    /** The number of the field. */
    int field() {
        return field;
    }

    /** How it is encoded. */
    int type() {
        return type;
    }

    /** What the field holds. */
    MemorySegment contents() {
        return message.asSlice(contents, position - contents);
    }

    /** The whole field, number included. */
    MemorySegment whole() {
        return message.asSlice(start, position - start);
    }

    private long varint() throws OnnxException {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (position == message.byteSize()) throw broken("ends early, at offset " + position);
            byte b = message.get(JAVA_BYTE, position++);
            value |= (b & 0x7fL) << shift;
            if (b >= 0) return value;
        }
        throw broken("has a number of more than 64 bits before offset " + position);
    }

    private OnnxException broken(String problem) {
        return new OnnxException(where + " " + problem + ": the file is damaged or not an ONNX file");
    }
}
