package dev.ondine.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.ondine.backend.Backends;
import dev.ondine.nn.Model;
import dev.ondine.nn.ParameterSpec;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Steps whose numbers are none, left out. */
class NonFiniteTest {
    private static final Shape SAMPLE = Shape.of(3, 12, 12);

    private static Trainer trainer(Model model, String backend, double rate) {
        return Trainer.of(model)
                .backend(Backends.named(backend))
                .threads(2)
                .optimizer(Optimizer.Sgd.of(rate).momentum(0.9))
                .onNonFinite(NonFinite.SKIP)
                .build();
    }

    private static Map<String, float[]> train(String backend, boolean withBadStep) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend, 0.05)) {
            TrainingBatch batch = trainer.batch(8);
            for (int i = 0; i < 3; i++) {
                if (withBadStep && i == 1) {
                    Fixtures.fill(batch.input(), batch.target(), 77);
                    batch.input().setFloat(Float.POSITIVE_INFINITY, 6, 1, 2, 3);
                    assertTrue(Float.isNaN(batch.step()));
                    assertEquals(1, trainer.skippedSteps());
                    String why = trainer.lastSkipped().orElseThrow();
                    assertTrue(why.contains("step 2") && why.contains("sample 6"), why);
                    // The first batch norm of the network.
                    assertTrue(why.contains("the batch statistics of 1 are not finite"), why);
                }
                Fixtures.fill(batch.input(), batch.target(), i);
                assertFalse(Float.isNaN(batch.step()));
            }
            assertEquals(3, trainer.steps());
            assertEquals(withBadStep ? 1 : 0, trainer.skippedSteps());
            Map<String, float[]> values = new LinkedHashMap<>();
            for (ParameterSpec spec : model.parameters().specs()) {
                if (spec.dataType() == DataType.FLOAT32) {
                    values.put(spec.name(), model.parameters().get(spec.name()).toFloatArray());
                } else {
                    assertEquals(3, model.parameters().get(spec.name()).getLongAt(0), spec.name());
                }
            }
            return values;
        }
    }

    /** Not a bit of parameters, momentum or running statistics knows of the step that was left out. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void aSkippedStepLeavesNoTrace(String backend) {
        Map<String, float[]> expected = train(backend, false);
        Map<String, float[]> actual = train(backend, true);
        expected.forEach((name, values) -> assertArrayEquals(values, actual.get(name), name));
    }

    /** Once a parameter is infinite every step would be skipped. */
    @ParameterizedTest
    @ValueSource(strings = {"onednn", "vector", "reference"})
    void infiniteParametersEndTrainingAllTheSame(String backend) {
        try (Model model = Model.of(Fixtures.network(3), SAMPLE, 3);
                Trainer trainer = trainer(model, backend, 0.05)) {
            TrainingBatch batch = trainer.batch(8);
            Fixtures.fill(batch.input(), batch.target(), 1);
            batch.step();
            model.parameters().get("0.weight").setFloatAt(3, Float.NaN);
            model.parameters().touch();
            var e = assertThrows(TrainingException.class, batch::step);
            assertTrue(e.getMessage().contains("parameters"), e.getMessage());
            assertEquals(0, trainer.skippedSteps());
        }
    }
}
