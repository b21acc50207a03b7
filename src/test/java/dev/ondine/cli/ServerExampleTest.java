package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.ondine.data.Normalization;
import dev.ondine.nn.Model;
import dev.ondine.nn.models.Models;
import dev.ondine.tensor.Shape;
import dev.ondine.train.Checkpoint;
import dev.ondine.train.ClassProbability;
import dev.ondine.train.ModelCard;
import dev.ondine.train.Predictor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** examples/ClassificationServer.java in a process of its own, started from its source, asked as clients ask. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ServerExampleTest {
    private static final Pattern ADDRESS = Pattern.compile("Telling \\[.*] at (http://\\S+)\\R");
    private static final int LARGEST_IMAGE = 8 << 20;

    @TempDir
    static Path folder;

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private static Path checkpoint;
    private static Process process;
    private static String address;

    /** A network that answers every image otherwise, though it was never trained; one image at once, eight wait. */
    @BeforeAll
    static void start() throws Exception {
        checkpoint = folder.resolve("model.safetensors");
        Shape sample = Shape.of(1, 28, 28);
        try (Model model = Model.of(Models.create("lenet-bn", sample, 3), sample, 1)) {
            ModelCard card =
                    ModelCard.of("lenet-bn", model, List.of("a", "b \"quoted\"", "ü"), Normalization.identity(1));
            Checkpoint.save(checkpoint, model, card.metadata(0));
        }
        process = ExamplesTest.example(folder, "ClassificationServer", checkpoint, 0, 1)
                .start();
        for (address = null; address == null; Thread.sleep(20)) {
            assertTrue(process.isAlive(), () -> text("err"));
            Matcher match = ADDRESS.matcher(text("out"));
            if (match.lookingAt()) address = match.group(1);
        }
    }

    @AfterAll
    static void stop() {
        if (process != null) process.destroyForcibly();
    }

    private static String text(String file) {
        try {
            return Files.readString(folder.resolve(file));
        } catch (IOException e) {
            return e.toString();
        }
    }

    private static byte[] png(int side, long seed) {
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_BYTE_GRAY);
        Random random = new Random(seed);
        for (int i = 0; i < 28 * 28; i++) image.getRaster().setSample(i % 28, i / 28, 0, random.nextInt(256));
        ByteArrayOutputStream png = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", png);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return png.toByteArray();
    }

    private static CompletableFuture<HttpResponse<String>> ask(String method, String path, BodyPublisher body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address + path))
                .method(method, body)
                .build();
        return CLIENT.sendAsync(request, BodyHandlers.ofString());
    }

    private static HttpResponse<String> classify(byte[] image) {
        return ask("POST", "/classify", BodyPublishers.ofByteArray(image)).join();
    }

    /** Names and probabilities, in order. */
    private static List<ClassProbability> classes(HttpResponse<String> response) throws IOException {
        assertEquals(200, response.statusCode(), response.body());
        assertEquals(
                "application/json",
                response.headers().firstValue("Content-Type").orElseThrow());
        List<ClassProbability> classes = new ArrayList<>();
        try (JsonParser json = new JsonFactory().createParser(response.body())) {
            String name = null;
            for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
                if (token == JsonToken.VALUE_STRING) name = json.getText();
                if (token == JsonToken.VALUE_NUMBER_FLOAT)
                    classes.add(new ClassProbability(classes.size(), name, json.getDoubleValue()));
            }
        }
        return classes;
    }

    private static void assertRefused(int status, String why, HttpResponse<String> response) {
        assertEquals(status, response.statusCode(), response.body());
        assertTrue(response.body().startsWith("{\"error\":\""), response.body());
        assertTrue(response.body().contains(why), response.body());
    }

    @Test
    @Order(1)
    void severalClientsGetWhatThePredictorSays() throws Exception {
        List<byte[]> images = Stream.iterate(0L, seed -> seed + 1)
                .limit(40)
                .map(seed -> png(28, seed))
                .toList();
        // Eight clients at once, each with five images one after another: no more than may wait.
        List<CompletableFuture<List<HttpResponse<String>>>> clients = new ArrayList<>();
        for (int c = 0; c < 8; c++) {
            List<byte[]> own = images.subList(5 * c, 5 * c + 5);
            clients.add(CompletableFuture.supplyAsync(
                    () -> own.stream().map(ServerExampleTest::classify).toList(),
                    r -> Thread.ofVirtual().start(r)));
        }
        try (Predictor predictor = Predictor.open(checkpoint)) {
            int at = 0;
            for (CompletableFuture<List<HttpResponse<String>>> client : clients) {
                for (HttpResponse<String> response : client.join()) {
                    List<ClassProbability> expected = predictor.classify(images.get(at++), 5);
                    List<ClassProbability> told = classes(response);
                    assertEquals(
                            expected.stream().map(ClassProbability::name).toList(),
                            told.stream().map(ClassProbability::name).toList());
                    for (int i = 0; i < expected.size(); i++) {
                        // One thread there, several here: kernels may add in another order.
                        assertEquals(expected.get(i).probability(), told.get(i).probability(), 1e-5);
                    }
                }
            }
            assertEquals(40, at);
        }
    }

    @Test
    @Order(2)
    void onlySoManyClassesAsWanted() throws Exception {
        BodyPublisher image = BodyPublishers.ofByteArray(png(28, 1));
        assertEquals(2, classes(ask("POST", "/classify?top=2", image).join()).size());
        for (String query : List.of("top=0", "top=x", "top=-1", "top=9999999", "bottom=1")) {
            assertRefused(400, "top=N", ask("POST", "/classify?" + query, image).join());
        }
    }

    @Test
    @Order(3)
    void healthIsTold() {
        HttpResponse<String> response =
                ask("GET", "/health", BodyPublishers.noBody()).join();
        assertEquals(200, response.statusCode());
        assertEquals("{\"status\":\"ok\"}", response.body());
    }

    @Test
    @Order(4)
    void whatIsWrongIsSaid() {
        assertRefused(400, "neither a JPEG nor a PNG", classify("no image".getBytes(StandardCharsets.US_ASCII)));
        assertRefused(400, "empty", classify(new byte[0]));
        byte[] whole = png(28, 1);
        assertRefused(400, "damaged", classify(Arrays.copyOf(whole, whole.length - 20)));
        BodyPublisher image = BodyPublishers.ofByteArray(whole);
        for (String path : List.of("/", "/classify/", "/classified", "/health/x", "/../classify")) {
            assertRefused(404, "/classify", ask("POST", path, image).join());
        }
        HttpResponse<String> get =
                ask("GET", "/classify", BodyPublishers.noBody()).join();
        assertRefused(405, "POST", get);
        assertEquals("POST", get.headers().firstValue("Allow").orElseThrow());
        HttpResponse<String> put = ask("PUT", "/health", image).join();
        assertRefused(405, "GET", put);
        assertEquals("GET", put.headers().firstValue("Allow").orElseThrow());
    }

    @Test
    @Order(5)
    void tooLargeAnImageIsRefused() throws Exception {
        assertRefused(413, "" + LARGEST_IMAGE, classify(new byte[LARGEST_IMAGE + 1]));
        assertRefused(400, "neither", classify(new byte[LARGEST_IMAGE]));
        // Without a length said before.
        byte[] large = new byte[LARGEST_IMAGE + 100_000];
        BodyPublisher chunked = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(large));
        assertRefused(413, "" + LARGEST_IMAGE, ask("POST", "/classify", chunked).join());
        assertEquals(3, classes(classify(png(28, 1))).size());
    }

    /** Decoding 16 million pixels takes far longer than sending them; of 40 at once most find no place, and everybody is told something. */
    @Test
    @Order(6)
    void whatIsTooMuchIsRefused() throws Exception {
        byte[] large = png(4000, 1);
        Map<Integer, Integer> counts = new TreeMap<>();
        List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < 40; i++) all.add(ask("POST", "/classify", BodyPublishers.ofByteArray(large)));
        for (CompletableFuture<HttpResponse<String>> one : all) {
            HttpResponse<String> response = one.join();
            counts.merge(response.statusCode(), 1, Integer::sum);
            if (response.statusCode() == 503) {
                assertRefused(503, "try again", response);
                assertEquals("1", response.headers().firstValue("Retry-After").orElseThrow());
            }
        }
        assertEquals(Set.of(200, 503), counts.keySet());
        assertTrue(counts.get(200) >= 9, counts.toString());
        assertEquals(3, classes(classify(png(28, 1))).size(), "afterwards there is room again");
    }

    @Test
    @Order(7)
    void whoWasLetInIsAnswered() throws Exception {
        assumeFalse(System.getProperty("os.name").startsWith("Windows"), "no signals");
        assertEquals("", text("err"), "nothing went wrong before");
        byte[] image = png(2000, 2);
        int clients = 5;
        CountDownLatch begun = new CountDownLatch(clients);
        List<CompletableFuture<HttpResponse<String>>> all = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
            // Sent when the server has said that it will take it.
            BodyPublisher body = BodyPublishers.ofInputStream(() -> {
                begun.countDown();
                return new ByteArrayInputStream(image);
            });
            HttpRequest request = HttpRequest.newBuilder(URI.create(address + "/classify"))
                    .expectContinue(true)
                    .POST(body)
                    .build();
            all.add(CLIENT.sendAsync(request, BodyHandlers.ofString()));
        }
        begun.await();
        process.destroy(); // SIGTERM
        for (CompletableFuture<HttpResponse<String>> one : all)
            assertEquals(3, classes(one.join()).size());
        assertEquals(143, process.waitFor());
        assertTrue(text("out").endsWith("Stopped." + System.lineSeparator()), text("out"));
        assertEquals("", text("err"));
        Throwable refused = assertThrows(CompletionException.class, () -> classify(image));
        assertTrue(refused.getCause() instanceof ConnectException, refused.toString());
    }
}
