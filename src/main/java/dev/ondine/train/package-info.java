/**
 * Training, evaluation and prediction: what turns a model and data into a trained model, and a model's file into answers.
 * {@link dev.ondine.train.Predictor#open} is all that serving takes; {@link dev.ondine.train.SavedModel} opens a file to train on.
 */
package dev.ondine.train;
