package dev.ondine.vector;

/** Where a value lies: in which array, from which index on, in which layout. The array is known once memory is planned. */
final class Place {
    final Layout layout;
    private float[] array;
    private int offset;

    Place(Layout layout) {
        this.layout = layout;
    }

    void bind(float[] memory, int at) {
        array = memory;
        offset = at;
    }

    float[] array() {
        return array;
    }

    int offset() {
        return offset;
    }

    /** Whether another place is the same memory. */
    @SuppressWarnings("ReferenceEquality") // arrays with equal contents are not the same memory
    boolean isAt(Place other) {
        return array == other.array && offset == other.offset;
    }

    int size() {
        return layout.size();
    }
}
