package dev.ondine.cli;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Two functions of the C library that Java does not offer. Where they are missing, on Windows, nothing happens. */
final class Posix {
    private static final int SIGINT = 2;
    private static final int SIGTERM = 15;
    private static final int STDOUT = 1;

    private Posix() {}

    /** Gives Ctrl-C and its like their plain meaning back: the process ends at once. Java would ignore them while it is shutting down. */
    static void letSignalsKill() {
        if (isWindows()) return;
        try {
            MethodHandle signal = function("signal", FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS));
            for (int number : new int[] {SIGINT, SIGTERM}) {
                // NULL is SIG_DFL.
                MemorySegment _ = (MemorySegment) signal.invokeExact(number, MemorySegment.NULL);
            }
        } catch (Throwable _) {
            // Then a second Ctrl-C does nothing; the first one still works.
        }
    }

    /** How many characters fit in a line of the terminal that standard output goes to; 80 if that cannot be found out. */
    static int terminalWidth() {
        int columns = 0;
        if (!isWindows()) {
            try (Arena arena = Arena.ofConfined()) {
                // struct winsize: rows, columns, and two more
                MemorySegment size = arena.allocate(JAVA_SHORT, 4);
                long request = System.getProperty("os.name").startsWith("Mac") ? 0x40087468L : 0x5413L;
                MethodHandle ioctl = function(
                        "ioctl",
                        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS),
                        Linker.Option.firstVariadicArg(2));
                int result = (int) ioctl.invokeExact(STDOUT, request, size);
                if (result == 0) columns = Short.toUnsignedInt(size.getAtIndex(JAVA_SHORT, 1));
            } catch (Throwable _) {
                // Then it is 80.
            }
        }
        return columns > 0 ? columns : 80;
    }

    private static boolean isWindows() {
        return System.getProperty("os.name").startsWith("Windows");
    }

    @SuppressWarnings("restricted") // two functions of POSIX
    private static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type, options);
    }
}
