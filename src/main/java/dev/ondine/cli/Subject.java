package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Evaluator;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.Function;

/**
 * What {@code explain} and {@code profile} look at, compiled by the very way that training, evaluation and bench go.
 *
 * @param batch a training step; empty for plans that run by themselves
 * @param stateBytes what the optimizer remembers
 */
record Subject(Plan plan, Optional<TrainingBatch> batch, long stateBytes, Runnable closing) implements AutoCloseable {

    /** Classifiers with plain cross-entropy. */
    static Subject open(NetworkOptions.Network chosen, Backend backend, BackendOptions computing) {
        return open(chosen, backend, computing, loss -> loss);
    }

    /** @param classification what classifiers are trained with, out of plain cross-entropy */
    static Subject open(
            NetworkOptions.Network chosen,
            Backend backend,
            BackendOptions computing,
            Function<Loss.CrossEntropy, Loss> classification) {
        if (chosen.special().isPresent()) {
            BenchWorkload workload = chosen.special().get();
            BenchStep step = workload.kind() == BenchWorkload.Kind.INFERENCE
                    ? new BenchInference(chosen, backend, computing.options())
                    : new BenchOperation(workload, chosen.batch(), backend, computing.options());
            return new Subject(step.plan(), Optional.empty(), 0, step::close);
        }
        Model model = Model.of(chosen.layer().orElseThrow(), chosen.sample(), 1);
        Loss loss = chosen.reconstructs() ? Loss.meanSquaredError() : classification.apply(Loss.crossEntropy());
        try {
            return chosen.training()
                    ? training(chosen, model, loss, backend, computing)
                    : evaluation(chosen, model, loss, backend, computing);
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    private static Subject training(
            NetworkOptions.Network chosen, Model model, Loss loss, Backend backend, BackendOptions computing) {
        Trainer trainer = Trainer.of(model)
                .backend(backend)
                .loss(loss)
                .precision(computing.precision())
                // So small that random data do not blow the parameters up.
                .optimizer(Optimizer.Sgd.of(1e-4).momentum(0.9).weightDecay(5e-4))
                .threads(computing.threads())
                .build();
        try {
            TrainingBatch batch = trainer.batch(chosen.batch());
            return new Subject(batch.plan(), Optional.of(batch), trainer.stateBytes(), () -> {
                trainer.close();
                model.close();
            });
        } catch (RuntimeException | Error e) {
            trainer.close();
            throw e;
        }
    }

    private static Subject evaluation(
            NetworkOptions.Network chosen, Model model, Loss loss, Backend backend, BackendOptions computing) {
        Evaluator evaluator = new Evaluator(model, backend, computing.options(), loss, chosen.batch());
        try {
            return new Subject(evaluator.plan(chosen.batch()), Optional.empty(), 0, () -> {
                evaluator.close();
                model.close();
            });
        } catch (RuntimeException | Error e) {
            evaluator.close();
            throw e;
        }
    }

    /** Fills the inputs of a network; single operations and inference are filled already. */
    void fill(NetworkOptions.Network chosen) {
        if (chosen.special().isPresent()) return;
        Tensor input = plan.input(Model.INPUT);
        Tensor target = plan.input("target");
        BenchStep.fill(input);
        if (target.shape().equals(input.shape())) {
            target.copyFrom(input);
            return;
        }
        // Probabilities come with the batches.
        if (target.dataType() != DataType.INT32) return;
        int classes = Math.toIntExact(plan.output(Model.OUTPUT).shape().dim(1));
        SplittableRandom random = new SplittableRandom(1);
        for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(classes));
    }

    @Override
    public void close() {
        closing.run();
    }
}
