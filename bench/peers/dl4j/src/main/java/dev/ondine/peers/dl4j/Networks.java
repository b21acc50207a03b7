package dev.ondine.peers.dl4j;

import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration.GraphBuilder;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration.ListBuilder;
import org.deeplearning4j.nn.conf.graph.ElementWiseVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.ActivationLayer;
import org.deeplearning4j.nn.conf.layers.BatchNormalization;
import org.deeplearning4j.nn.conf.layers.CnnLossLayer;
import org.deeplearning4j.nn.conf.layers.ConvolutionLayer;
import org.deeplearning4j.nn.conf.layers.Deconvolution2D;
import org.deeplearning4j.nn.conf.layers.DenseLayer;
import org.deeplearning4j.nn.conf.layers.GlobalPoolingLayer;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.OutputLayer;
import org.deeplearning4j.nn.conf.layers.PoolingType;
import org.deeplearning4j.nn.weights.WeightInit;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The networks of {@code ../pytorch/torch_bench.py} in Deeplearning4j's layers. Its momentum is Nesterov's, it has no other; the weight
 * decay is its L2 penalty, which spares scale and shift of a batch norm. Neither makes a step longer or shorter to speak of.
 */
final class Networks {
    private Networks() {}

    private static NeuralNetConfiguration.Builder common() {
        return new NeuralNetConfiguration.Builder()
                .seed(0)
                .weightInit(WeightInit.RELU)
                .updater(new Nesterovs(0.01, 0.9))
                .l2(5e-4);
    }

    private static Layer conv(int filters, int kernel, int stride) {
        return new ConvolutionLayer.Builder(kernel, kernel)
                .stride(stride, stride)
                .padding(kernel / 2, kernel / 2)
                .nOut(filters)
                .hasBias(false)
                .activation(Activation.IDENTITY)
                .build();
    }

    /** Batch norm in PyTorch's defaults; the decay is the weight of the old value. */
    private static BatchNormalization norm(Activation activation) {
        return new BatchNormalization.Builder()
                .eps(1e-5)
                .decay(0.9)
                .activation(activation)
                .build();
    }

    static ComputationGraphConfiguration resnet20() {
        GraphBuilder g = common().graphBuilder().addInputs("x").setInputTypes(InputType.convolutional(32, 32, 3));
        g.addLayer("conv1", conv(16, 3, 1), "x").addLayer("bn1", norm(Activation.RELU), "conv1");
        String last = "bn1";
        int channels = 16;
        for (int filters : new int[] {16, 32, 64}) {
            for (int k = 0; k < 3; k++) {
                String name = "stage" + filters + "-" + k;
                int stride = k == 0 && filters > 16 ? 2 : 1;
                g.addLayer(name + "-conv1", conv(filters, 3, stride), last)
                        .addLayer(name + "-bn1", norm(Activation.RELU), name + "-conv1")
                        .addLayer(name + "-conv2", conv(filters, 3, 1), name + "-bn1")
                        .addLayer(name + "-bn2", norm(Activation.IDENTITY), name + "-conv2");
                String shortcut = last;
                if (stride != 1 || channels != filters) {
                    shortcut = name + "-shortcut-bn";
                    g.addLayer(name + "-shortcut-conv", conv(filters, 1, stride), last)
                            .addLayer(shortcut, norm(Activation.IDENTITY), name + "-shortcut-conv");
                }
                g.addVertex(name + "-sum", new ElementWiseVertex(ElementWiseVertex.Op.Add), name + "-bn2", shortcut)
                        .addLayer(name, new ActivationLayer(Activation.RELU), name + "-sum");
                last = name;
                channels = filters;
            }
        }
        return g.addLayer("pool", new GlobalPoolingLayer(PoolingType.AVG), last)
                .addLayer("fc", output(10), "pool")
                .setOutputs("fc")
                .build();
    }

    private static OutputLayer output(int classes) {
        return new OutputLayer.Builder(LossFunction.MCXENT)
                .nOut(classes)
                .activation(Activation.SOFTMAX)
                .build();
    }

    static MultiLayerConfiguration mlp() {
        ListBuilder net = common().list();
        for (int layer = 0; layer < 2; layer++) {
            net.layer(new DenseLayer.Builder()
                            .nOut(256)
                            .activation(Activation.IDENTITY)
                            .build())
                    .layer(norm(Activation.RELU));
        }
        return net.layer(output(10)).setInputType(InputType.feedForward(784)).build();
    }

    static MultiLayerConfiguration autoencoder() {
        ListBuilder net = common().list();
        for (int filters : new int[] {32, 64, 128}) net.layer(conv(filters, 3, 2)).layer(norm(Activation.RELU));
        for (int filters : new int[] {64, 32}) net.layer(transposed(filters, false)).layer(norm(Activation.RELU));
        return net.layer(transposed(1, true))
                .layer(new CnnLossLayer.Builder(LossFunction.MSE)
                        .activation(Activation.IDENTITY)
                        .build())
                .setInputType(InputType.convolutional(32, 32, 1))
                .build();
    }

    private static Layer transposed(int filters, boolean bias) {
        return new Deconvolution2D.Builder(4, 4)
                .stride(2, 2)
                .padding(1, 1)
                .nOut(filters)
                .hasBias(bias)
                .activation(Activation.IDENTITY)
                .build();
    }

    /** One batch norm, whose gradients begin with what the caller gives. */
    static MultiLayerConfiguration norm() {
        return common()
                .list()
                .layer(norm(Activation.IDENTITY))
                .setInputType(InputType.convolutional(56, 56, 64))
                .build();
    }
}
