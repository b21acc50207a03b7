/**
 * Labelled images and the way from them to a batch in memory: built-in, generated and file data sets, normalization,
 * and the loader that fills a batch.
 */
package dev.ondine.data;
