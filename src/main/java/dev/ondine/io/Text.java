package dev.ondine.io;

/** Names from files, made fit for a message: a hostile one is neither endless nor able to steer a terminal. */
final class Text {
    private static final int LONGEST = 120;

    private Text() {}

    /** In quotes, control characters escaped, cut after 120 characters. */
    static String quoted(String name) {
        return '"' + printable(name) + '"';
    }

    static String printable(String text) {
        StringBuilder b = new StringBuilder();
        for (int i = 0; i < text.length() && i < LONGEST; i++) {
            char c = text.charAt(i);
            if (c < ' '
                    || c >= 0x7f && c < 0xa0
                    || Character.getType(c) == Character.FORMAT
                    || Character.isSurrogate(c)) {
                b.append(String.format("\\u%04x", (int) c));
            } else {
                b.append(c);
            }
        }
        return text.length() > LONGEST ? b + "… (" + text.length() + " characters)" : b.toString();
    }
}
