package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;

/**
 * How a tensor lies in memory, named as oneDNN names it: a letter a dimension, outermost first in memory; a capital
 * letter with a number is split into blocks of that many, which lie innermost.
 */
public enum FormatTag {
    /** oneDNN chooses when it makes the primitive descriptor; ask that for its choice. */
    ANY(dnnl_h.dnnl_format_tag_any()),
    /** A vector. */
    A(dnnl_h.dnnl_a()),
    /** Row-major matrix: (batch, channels), (output, input) features. */
    AB(dnnl_h.dnnl_ab()),
    /** Column-major matrix. */
    BA(dnnl_h.dnnl_ba()),
    /** Row-major: ncw. */
    ABC(dnnl_h.dnnl_abc()),
    /** Channels last: nwc. */
    ACB(dnnl_h.dnnl_acb()),
    BAC(dnnl_h.dnnl_bac()),
    /** Row-major: nchw, oihw. */
    ABCD(dnnl_h.dnnl_abcd()),
    /** Channels last: nhwc. */
    ACDB(dnnl_h.dnnl_acdb()),
    BACD(dnnl_h.dnnl_bacd()),
    /** hwio. */
    CDBA(dnnl_h.dnnl_cdba()),
    /** Row-major: ncdhw, goihw. */
    ABCDE(dnnl_h.dnnl_abcde()),
    /** Channels last: ndhwc. */
    ACDEB(dnnl_h.dnnl_acdeb()),
    BACDE(dnnl_h.dnnl_bacde()),
    /** Row-major: goidhw. */
    ABCDEF(dnnl_h.dnnl_abcdef()),
    /** nCw8c, for AVX2. */
    ABC_8B(dnnl_h.dnnl_aBc8b()),
    /** nCw16c, for AVX-512. */
    ABC_16B(dnnl_h.dnnl_aBc16b()),
    /** nChw8c, for AVX2. */
    ABCD_8B(dnnl_h.dnnl_aBcd8b()),
    /** nChw16c, for AVX-512. */
    ABCD_16B(dnnl_h.dnnl_aBcd16b()),
    /** nCdhw8c, for AVX2. */
    ABCDE_8B(dnnl_h.dnnl_aBcde8b()),
    /** nCdhw16c, for AVX-512. */
    ABCDE_16B(dnnl_h.dnnl_aBcde16b());

    private final int code;

    FormatTag(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }

    /** The row-major layout of a rank from 1 to 6. */
    public static FormatTag plain(int rank) {
        return switch (rank) {
            case 1 -> A;
            case 2 -> AB;
            case 3 -> ABC;
            case 4 -> ABCD;
            case 5 -> ABCDE;
            case 6 -> ABCDEF;
            default ->
                throw new IllegalArgumentException("no plain layout of rank " + rank + "; ranks 1 to 6 have one");
        };
    }

    /** The layout with the channels (dimension 1) innermost, of a rank from 2 to 5; of rank 2 that is the plain one. */
    public static FormatTag channelsLast(int rank) {
        return switch (rank) {
            case 2 -> AB;
            case 3 -> ACB;
            case 4 -> ACDB;
            case 5 -> ACDEB;
            default ->
                throw new IllegalArgumentException(
                        "no channels-last layout of rank " + rank + "; ranks 2 to 5 have one");
        };
    }

    /**
     * The layout with the channels (dimension 1) in blocks.
     *
     * @param rank from 3 to 5
     * @param block 8 or 16 channels
     */
    public static FormatTag channelsBlocked(int rank, int block) {
        if (rank < 3 || rank > 5 || block != 8 && block != 16) {
            throw new IllegalArgumentException("no layout of rank " + rank + " with blocks of " + block
                    + " channels; ranks 3 to 5 with 8 or 16 have one");
        }
        return switch (rank) {
            case 3 -> block == 8 ? ABC_8B : ABC_16B;
            case 4 -> block == 8 ? ABCD_8B : ABCD_16B;
            default -> block == 8 ? ABCDE_8B : ABCDE_16B;
        };
    }
}
