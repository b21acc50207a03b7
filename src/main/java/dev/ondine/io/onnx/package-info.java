/**
 * ONNX files: networks of other tools become graphs and layers here, and graphs of here become files that ONNX Runtime and others run.
 * Files are not trusted.
 */
package dev.ondine.io.onnx;
