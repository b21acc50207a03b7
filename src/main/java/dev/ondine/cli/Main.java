package dev.ondine.cli;

/** The {@code ondine} command. */
public final class Main {
    private Main() {}

    /** Runs a command and exits with its code. */
    public static void main(String[] args) {
        System.err.println("ondine: no command is there");
        System.exit(2);
    }
}
