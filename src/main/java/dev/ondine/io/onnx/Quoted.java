package dev.ondine.io.onnx;

/** Names from files, made fit for a message: a hostile one is neither endless nor able to steer a terminal. */
final class Quoted {
    private static final int LONGEST = 100;

    private Quoted() {}

    static String of(String text) {
        StringBuilder b = new StringBuilder("'");
        for (int i = 0; i < text.length() && i < LONGEST; i++) {
            char c = text.charAt(i);
            boolean plain = c >= ' ' && c < 0x7f || Character.isLetterOrDigit(c);
            b.append(plain ? Character.toString(c) : String.format("\\u%04x", (int) c));
        }
        return b.append(text.length() > LONGEST ? "…'" : "'").toString();
    }
}
