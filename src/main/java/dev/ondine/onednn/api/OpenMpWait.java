package dev.ondine.onednn.api;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Map;

/**
 * How long GNU OpenMP's threads spin for work before they sleep. Its default, 300,000 turns or about a millisecond, is for a process
 * that has the processors to itself: two trainers in two processes on the same two processors then cost each other five times their
 * time, because each spins away what the other waits for. 1,000 turns, what libgomp itself takes when it knows of more threads than
 * processors, outlast the gaps between the kernels of a plan: measured, nothing is slower, and two trainers get half the machine each.
 *
 * <p>libgomp reads the environment once, when it is loaded, so it is set for that long only. Whoever sets {@code GOMP_SPINCOUNT} or
 * {@code OMP_WAIT_POLICY} is left alone.
 */
final class OpenMpWait {
    static final String SPINS = "1000";
    private static final String SPIN_COUNT = "GOMP_SPINCOUNT";
    private static final String WAIT_POLICY = "OMP_WAIT_POLICY";

    private OpenMpWait() {}

    /** Runs {@code load}, which loads libgomp, with the short wait in the environment of the process. */
    static void loadWithShortWait(Map<String, String> environment, Runnable load) {
        if (environment.containsKey(SPIN_COUNT) || environment.containsKey(WAIT_POLICY)) {
            load.run();
            return;
        }
        boolean set = set();
        try {
            load.run();
        } finally {
            if (set) unset();
        }
    }

    private static boolean set() {
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle setenv = function("setenv", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
            if (setenv == null) return false;
            MemorySegment name = arena.allocateFrom(SPIN_COUNT);
            return (int) setenv.invokeExact(name, arena.allocateFrom(SPINS), 0) == 0;
        } catch (Throwable e) {
            throw OpenMp.unexpected(e);
        }
    }

    private static void unset() {
        try (Arena arena = Arena.ofConfined()) {
            MethodHandle unsetenv = function("unsetenv", FunctionDescriptor.of(JAVA_INT, ADDRESS));
            int _ = (int) unsetenv.invokeExact(arena.allocateFrom(SPIN_COUNT));
        } catch (Throwable e) {
            throw OpenMp.unexpected(e);
        }
    }

    /** Null where the C library has no such function, on Windows. */
    @SuppressWarnings("restricted") // two functions of POSIX
    private static MethodHandle function(String name, FunctionDescriptor type) {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup()
                .find(name)
                .map(address -> linker.downcallHandle(address, type))
                .orElse(null);
    }
}
