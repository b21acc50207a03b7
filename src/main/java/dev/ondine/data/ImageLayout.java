package dev.ondine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which files of a folder or zip are images of which class. Files are sorted by class and name, those to train on
 * first.
 *
 * @param classes sorted
 * @param names every image, as its source calls it
 * @param labels one an image
 * @param train how many of them, from the first on, are to train on
 */
record ImageLayout(List<String> classes, List<String> names, int[] labels, int train) {
    static final List<String> PARTS = List.of("train", "test");

    private static final String WANTED =
            "train/<class>/*.jpg|jpeg|png and test/<class>/... (possibly within one folder)";

    /** Makes sense of a source's names; {@code what} is what messages call the source. */
    static ImageLayout of(String what, List<String> names) {
        List<Map<String, TreeSet<String>>> parts = List.of(new TreeMap<>(), new TreeMap<>());
        String top = null;
        for (String name : names) {
            String[] path = name.split("/");
            int at = path.length > 1 && PARTS.contains(path[1]) && !PARTS.contains(path[0]) ? 1 : 0;
            if (path.length < at + 2 || !PARTS.contains(path[at]) || hidden(path)) continue;
            String prefix = at == 0 ? "" : path[0] + "/";
            if (top != null && !top.equals(prefix)) {
                throw new DataException(
                        what + ": has more than one data set, in '" + top + "' and in '" + prefix + "'");
            }
            top = prefix;
            boolean folder = name.endsWith("/");
            if (path.length == at + 2 && !folder) continue;
            TreeSet<String> files =
                    parts.get(PARTS.indexOf(path[at])).computeIfAbsent(path[at + 1], _ -> new TreeSet<>());
            if (path.length == at + 3 && !folder && image(name) && !files.add(name)) {
                throw new DataException(what + ": has the file " + name + " twice");
            }
        }
        return checked(what, parts.get(0), parts.get(1));
    }

    private static ImageLayout checked(
            String what, Map<String, TreeSet<String>> train, Map<String, TreeSet<String>> test) {
        List<Map<String, TreeSet<String>>> both = List.of(train, test);
        for (int i = 0; i < both.size(); i++) {
            if (both.get(i).values().stream().allMatch(TreeSet::isEmpty)) {
                throw new DataException(what + ": has no images in " + PARTS.get(i) + "/; it must hold " + WANTED);
            }
        }
        List<String> classes = List.copyOf(train.keySet());
        train.forEach((name, files) -> {
            if (files.isEmpty()) {
                throw new DataException(what + ": the class train/" + name + " has no .jpg, .jpeg or .png file");
            }
        });
        for (String name : test.keySet()) {
            if (!train.containsKey(name)) {
                throw new DataException(
                        what + ": the class test/" + name + " is not among those to train on, " + classes);
            }
        }
        List<String> names = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        append(classes, train, names, labels);
        int trained = names.size();
        append(classes, test, names, labels);
        return new ImageLayout(
                classes, names, labels.stream().mapToInt(Integer::intValue).toArray(), trained);
    }

    private static void append(
            List<String> classes, Map<String, TreeSet<String>> part, List<String> names, List<Integer> labels) {
        for (int label = 0; label < classes.size(); label++) {
            for (String file : part.getOrDefault(classes.get(label), new TreeSet<>())) {
                names.add(file);
                labels.add(label);
            }
        }
    }

    /** What file managers leave behind, and names that lead out of the archive. */
    private static boolean hidden(String[] path) {
        for (String step : path) {
            if (step.isEmpty() || step.startsWith(".") || step.equals("__MACOSX")) return true;
        }
        return false;
    }

    private static boolean image(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.endsWith(".jpg") || lower.endsWith(".jpeg") || lower.endsWith(".png");
    }
}
