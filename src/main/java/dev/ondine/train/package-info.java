/** Training, evaluation and prediction: what turns a model and data into a trained model. */
package dev.ondine.train;
