package dev.ondine.backend;

/**
 * The threads that a plan runs on, for the work around its primitives: updates, checks, losses. Whoever needs more than one thread takes
 * them from here, because a second pool would fight with the first for the cores.
 *
 * <p>For one calling thread at a time, unless an implementation says otherwise.
 */
public interface Team {
    /** What all threads of a team do at once. */
    @FunctionalInterface
    interface Task {
        /**
         * One thread's part.
         *
         * @param part which one, from 0
         * @param parts how many there are: the team's size, or fewer if it could not be had
         */
        void run(int part, int parts);
    }

    /** How many threads there are, the calling one included. */
    int size();

    /**
     * Runs a task on all threads, the calling one among them, and returns when every part is done. Allocates nothing.
     *
     * @throws RuntimeException what a part threw, after all parts have ended; one of them if several did
     */
    void run(Task task);

    /** The calling thread alone. */
    static Team alone() {
        return Alone.INSTANCE;
    }

    /** Where part {@code part} of {@code parts} begins if {@code count} things are shared out; the next part begins where it ends. */
    static long start(long count, int part, int parts) {
        return count / parts * part + Math.min(part, count % parts);
    }

    /** A team of one. */
    enum Alone implements Team {
        /** The only one. */
        INSTANCE;

        @Override
        public int size() {
            return 1;
        }

        @Override
        public void run(Task task) {
            task.run(0, 1);
        }
    }
}
