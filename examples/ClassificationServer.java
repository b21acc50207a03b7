import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.ondine.data.DataException;
import dev.ondine.train.ClassProbability;
import dev.ondine.train.Predictor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Tells the classes of images over HTTP: {@code POST /classify?top=5} with a JPEG or PNG file as the body; {@code GET /health}.
 *
 * <p>Arguments: a checkpoint or an ONNX file; the port (default 8080); images that are worked on at once, each on one thread (default: as
 * many as there are processors). Eight times as many wait for their turn; who comes then is told to come again. It listens to this
 * machine only: before the world belongs a proxy that knows TLS and who may ask.
 */
public final class ClassificationServer {
    private static final int LARGEST_IMAGE = 8 << 20; // bytes
    private static final JsonFactory JSON = new JsonFactory();

    /** What a request is answered with instead of classes. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;
        private final int status;

        Refusal(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    private interface Members {
        void write(JsonGenerator json) throws IOException;
    }

    private final Predictor predictor;
    private final ThreadPoolExecutor workers; // refuses what does not fit into its queue

    private ClassificationServer(Predictor predictor, int atOnce) {
        this.predictor = predictor;
        workers = new ThreadPoolExecutor(atOnce, atOnce, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(8 * atOnce));
    }

    private void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        try {
            switch (exchange.getRequestMethod() + " " + path) {
                case "POST /classify" -> {
                    List<ClassProbability> classes = classify(exchange);
                    answer(exchange, 200, json -> {
                        json.writeArrayFieldStart("classes");
                        for (ClassProbability c : classes) {
                            json.writeStartObject();
                            json.writeStringField("class", c.name());
                            json.writeNumberField("probability", c.probability());
                            json.writeEndObject();
                        }
                        json.writeEndArray();
                    });
                }
                case "GET /health" -> answer(exchange, 200, json -> json.writeStringField("status", "ok"));
                default -> {
                    String allowed =
                            Map.of("/classify", "POST", "/health", "GET").get(path);
                    if (allowed == null) throw new Refusal(404, "there are POST /classify and GET /health");
                    exchange.getResponseHeaders().set("Allow", allowed);
                    throw new Refusal(405, path + " takes " + allowed);
                }
            }
        } catch (Refusal e) {
            if (e.status == 503) exchange.getResponseHeaders().set("Retry-After", "1");
            answer(exchange, e.status, json -> json.writeStringField("error", e.getMessage()));
        }
    }

    private List<ClassProbability> classify(HttpExchange exchange) throws IOException, Refusal {
        String query = Objects.requireNonNullElse(exchange.getRequestURI().getQuery(), "top=5");
        if (!query.matches("top=[1-9][0-9]{0,5}")) throw new Refusal(400, "the query may be top=N, N from 1 to 999999");
        int top = Integer.parseInt(query.substring(4));
        byte[] image = exchange.getRequestBody().readNBytes(LARGEST_IMAGE + 1);
        if (image.length > LARGEST_IMAGE) {
            // A client that is cut off while it sends would not read the answer.
            for (int more = 64; more > 0 && exchange.getRequestBody().readNBytes(1 << 20).length > 0; ) more--;
            throw new Refusal(413, "an image may have " + LARGEST_IMAGE + " bytes");
        }
        try {
            return workers.submit(() -> predictor.classify(image, top)).get();
        } catch (RejectedExecutionException | InterruptedException _) {
            throw new Refusal(503, "too many images at once; try again");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof DataException bad) throw new Refusal(400, bad.getMessage());
            System.err.println("An image was not classified: " + e.getCause());
            throw new Refusal(500, "the image was not classified; the service's log says why");
        }
    }

    private static void answer(HttpExchange exchange, int status, Members members) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (exchange;
                JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            members.write(json);
            json.writeEndObject();
            json.flush();
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(status, text.size());
            text.writeTo(exchange.getResponseBody());
        }
    }

    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 0) throw new IllegalArgumentException("arguments: MODEL [PORT [IMAGES_AT_ONCE]]");
        int port = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 8080;
        int cores = Runtime.getRuntime().availableProcessors();
        int atOnce = arguments.length > 2 ? Integer.parseInt(arguments[2]) : cores;
        Predictor.Opener model = Predictor.file(Path.of(arguments[0]));
        Predictor predictor = model.threads(1).concurrency(atOnce).open();
        predictor.classify(new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB), 1); // what is not for images fails now
        ClassificationServer service = new ClassificationServer(predictor, atOnce);
        System.setProperty("sun.net.httpserver.maxReqTime", "30"); // seconds that a request may take to arrive
        System.setProperty("jdk.httpserver.maxConnections", "256");
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", service::handle);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor()); // these wait for clients, the workers compute
        Thread stop = new Thread(() -> {
            server.stop(30); // seconds for those who were let in to be answered
            service.workers.close();
            predictor.close();
            System.out.println("Stopped.");
        });
        Runtime.getRuntime().addShutdownHook(stop); // SIGTERM, Ctrl-C
        server.start();
        System.out.println("Telling " + predictor.classes() + " at http:/" + server.getAddress());
    }
}
