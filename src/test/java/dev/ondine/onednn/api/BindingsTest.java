package dev.ondine.onednn.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.onednn.ffi.dnnl_exec_arg_t;
import dev.ondine.onednn.ffi.dnnl_h;
import dev.ondine.tensor.DataType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The generated bindings, the pinned artifact and the library that is loaded must be of one version. */
class BindingsTest {
    @Test
    void headersAndLibraryHaveOneVersion() {
        OneDnnVersion version = OneDnn.version();

        assertEquals(dnnl_h.DNNL_VERSION_MAJOR(), version.major());
        assertEquals(dnnl_h.DNNL_VERSION_MINOR(), version.minor());
        assertEquals(dnnl_h.DNNL_VERSION_PATCH(), version.patch());
    }

    @Test
    void pomPinsTheVersionThatTheBindingsAndChecksumsAreOf() throws IOException {
        Path pom = Path.of(System.getProperty("basedir", "."), "pom.xml");
        Matcher pinned = Pattern.compile("<dnnl.version>(.*?)</dnnl.version>").matcher(Files.readString(pom));
        assertTrue(pinned.find(), "dnnl.version in " + pom);

        assertTrue(
                pinned.group(1).startsWith(dnnl_h.DNNL_VERSION_MAJOR() + "." + dnnl_h.DNNL_VERSION_MINOR() + "-"),
                pinned.group(1));
        assertEquals(NativePlatform.ARTIFACT, "org.bytedeco:dnnl:" + pinned.group(1));
    }

    /**
     * Every function that was generated is in the library: its holder class looks the symbol up when it is initialized.
     */
    @Test
    void libraryHasEveryFunction() throws ReflectiveOperationException {
        OneDnn.load();
        int functions = 0;
        for (Class<?> holder : dnnl_h.class.getDeclaredClasses()) {
            Class.forName(holder.getName(), true, holder.getClassLoader());
            functions++;
        }
        assertTrue(functions > 60, functions + " functions");
    }

    /** The types of the C interface, named as oneDNN's documentation numbers them. */
    @ParameterizedTest
    @CsvSource({
        "dnnl_f32,3",
        "dnnl_bf16,2",
        "dnnl_s32,4",
        "dnnl_u8,6",
        "dnnl_forward_training,64",
        "dnnl_pooling_max,511",
        "dnnl_eltwise_relu,32",
        "DNNL_ARG_SRC,1",
        "DNNL_ARG_DST,17",
        "DNNL_ARG_WEIGHTS,33",
        "DNNL_ARG_DIFF_SHIFT,256",
        "dnnl_fuse_norm_relu,8",
        "dnnl_query_workspace_md,135",
        "dnnl_query_exec_arg_md,255"
    })
    void constantsAreThoseOfTheDocumentation(String name, int value) throws ReflectiveOperationException {
        Method constant = dnnl_h.class.getMethod(name);
        assertEquals(value, constant.invoke(null));
    }

    /** oneDNN's own view of the constants: what was put in with one is read back with another. */
    @Test
    void libraryAgreesOnTypesAndLayouts() {
        try (Arena arena = Arena.ofConfined()) {
            for (DataType type : List.of(DataType.FLOAT32, DataType.BFLOAT16, DataType.INT32, DataType.UINT8)) {
                MemoryDescriptor descriptor = MemoryDescriptor.plain(arena, new long[] {5, 7}, type);
                assertEquals(type, descriptor.dataType());
                assertEquals(35L * type.bytes(), descriptor.size());
            }
            for (FormatTag tag : FormatTag.values()) {
                if (tag == FormatTag.ANY) continue;
                int rank = tag.name().replaceAll("_.*", "").length();
                long[] dims = Stream.of(2L, 32L, 3L, 5L, 7L, 11L)
                        .limit(rank)
                        .mapToLong(d -> d)
                        .toArray();
                String text =
                        MemoryDescriptor.of(arena, dims, DataType.FLOAT32, tag).tag();
                assertEquals(tag.name().replace("_", "").toLowerCase(Locale.ROOT), text.toLowerCase(Locale.ROOT));
            }
        }
    }

    @Test
    void argumentListHasTheLayoutOfC() {
        assertEquals(16, dnnl_exec_arg_t.sizeof());
        assertEquals(8, dnnl_exec_arg_t.memory$offset());
    }

    @Test
    void onlyThisPackageImportsTheBindings() throws IOException {
        Path sources = Path.of(System.getProperty("basedir", "."), "src", "main", "java");
        try (Stream<Path> files = Files.walk(sources)) {
            List<Path> importers = files.filter(Files::isRegularFile)
                    .filter(f -> !f.startsWith(sources.resolve(Path.of("dev", "ondine", "onednn", "api"))))
                    .filter(BindingsTest::mentionsBindings)
                    .toList();
            assertEquals(List.of(), importers);
        }
    }

    private static boolean mentionsBindings(Path file) {
        try {
            return Files.readString(file).contains("import dev.ondine.onednn.ffi")
                    || Files.readString(file).contains("import static dev.ondine.onednn.ffi");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void statusesAreThoseOfTheHeader() throws ReflectiveOperationException {
        for (Status status : Status.values()) {
            if (status == Status.UNKNOWN) continue;
            Method constant = dnnl_h.class.getMethod("dnnl_" + status.name().toLowerCase(Locale.ROOT));
            assertTrue(Modifier.isStatic(constant.getModifiers()));
            assertEquals(constant.invoke(null), status.code());
            assertEquals(status, Status.of(status.code()));
        }
        assertEquals(Status.UNKNOWN, Status.of(1234));
    }

    @Test
    void instructionSetsAreOrdered() {
        assertTrue(CpuIsa.AVX512_CORE_BF16.isAtLeast(CpuIsa.AVX512_CORE));
        assertTrue(CpuIsa.AVX512_CORE_AMX.isAtLeast(CpuIsa.AVX512_CORE_BF16));
        assertTrue(CpuIsa.AVX512_CORE.isAtLeast(CpuIsa.AVX2));
        assertFalse(CpuIsa.AVX2_VNNI_2.isAtLeast(CpuIsa.AVX512_CORE));
        assertFalse(CpuIsa.AVX512_CORE.isAtLeast(CpuIsa.AVX2_VNNI), "AVX-512 without AVX-VNNI");
        assertEquals(CpuIsa.OTHER, CpuIsa.of(0));
        assertEquals(CpuIsa.AVX10_2_AMX_2, CpuIsa.of(0x7fffffff), "a processor of the future has what this one has");
        for (CpuIsa isa : CpuIsa.values()) assertEquals(isa, CpuIsa.of(isa.code()));
        assertEquals(OneDnn.effectiveIsa().isAtLeast(CpuIsa.AVX512_CORE_BF16), OneDnn.supportsBfloat16());
        assertNotEquals("", OneDnn.location().toString());
    }
}
