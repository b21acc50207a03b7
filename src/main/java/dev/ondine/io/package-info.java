/** Files: safetensors checkpoints, read strictly and written atomically, and JSON-lines logs. */
package dev.ondine.io;
