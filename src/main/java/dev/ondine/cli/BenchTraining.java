package dev.ondine.cli;

import dev.ondine.backend.Backend;
import dev.ondine.backend.Plan;
import dev.ondine.backend.PlanOptions;
import dev.ondine.nn.Model;
import dev.ondine.tensor.DataType;
import dev.ondine.tensor.Tensor;
import dev.ondine.train.Loss;
import dev.ondine.train.Optimizer;
import dev.ondine.train.Trainer;
import dev.ondine.train.TrainingBatch;
import java.util.SplittableRandom;

/**
 * Whole training steps of a network on random images: forward, loss (cross-entropy; of an autoencoder the mean squared error against
 * the input), backward, and SGD with learning rate 0.01, momentum 0.9 and weight decay 5e-4 on all parameters.
 */
final class BenchTraining implements BenchStep {
    private final Model model;
    private final Trainer trainer;
    private final TrainingBatch batch;

    BenchTraining(NetworkOptions.Network chosen, Backend backend, PlanOptions options) {
        model = Model.of(chosen.layer().orElseThrow(), chosen.sample(), 1);
        trainer = Trainer.of(model)
                .backend(backend)
                .loss(chosen.reconstructs() ? Loss.meanSquaredError() : Loss.crossEntropy())
                .optimizer(Optimizer.Sgd.of(0.01).momentum(0.9).weightDecay(5e-4))
                .threads(options.threads())
                .precision(options.precision())
                .build();
        try {
            batch = trainer.batch(chosen.batch());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
        BenchStep.fill(batch.input());
        Tensor target = batch.target();
        if (target.dataType() == DataType.INT32) {
            int classes = Math.toIntExact(batch.output().shape().dim(1));
            SplittableRandom random = new SplittableRandom(1);
            for (long i = 0; i < target.elements(); i++) target.setIntAt(i, random.nextInt(classes));
        } else {
            target.copyFrom(batch.input());
        }
    }

    @Override
    public void run() {
        batch.step();
    }

    @Override
    public Plan plan() {
        return batch.plan();
    }

    @Override
    public String updates() {
        return trainer.updateKernels();
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
