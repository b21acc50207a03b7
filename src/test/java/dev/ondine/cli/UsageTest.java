package dev.ondine.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said of wrong usage, and help. */
class UsageTest {
    @TempDir
    Path folder;

    /** The option, its value, and what the message must name besides the option. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "train | --lr              | 0         | above 0",
                "train | --lr              | -0.1      | above 0",
                "train | --lr              | NaN       | above 0",
                "train | --lr              | fast      | 'fast'",
                "train | --batch           | 0         | at least 1",
                "train | --epochs          | 0         | at least 1",
                "train | --threads         | 0         | at least 1",
                "train | --momentum        | 1         | below 1",
                "train | --weight-decay    | -1        | 0 or more",
                "train | --warmup          | -1        | 0 epochs or more",
                "train | --label-smoothing | 1.5       | below 1",
                "train | --on-nonfinite    | retry     | fail, skip",
                "train | --patience        | 0         | at least 1",
                "train | --checkpoint-every | 0       | a number of steps",
                "train | --checkpoint-every | 5h      | a number of steps",
                "train | --config          | /absent  | there is no such file",
                "train | --resume          | /absent  | no config.properties",
                "train | --accumulate      | 0         | at least 1",
                "train | --accumulate      | 1000000   | at most the",
                "train | --clip-norm       | 0         | above 0",
                "train | --clip-value      | -1        | above 0",
                "train | --lookahead       | 0         | at least 1",
                "train | --lr-norm         | -1        | 0 or more",
                "train | --freeze          | conv9     | the nearest is",
                "train | --gamma           | 0.5       | the schedule cosine has none",
                "train | --milestones      | 3         | the schedule cosine has none",
                "train | --schedule        | multistep | needs --milestones",
                "train | --schedule-per    | batch     | step, epoch",
                "train | --ema             | 1         | below 1",
                "train | --swa             | 9         | an epoch from 1 to 3",
                "train | --monitor         | f2        | accuracy, loss",
                "train | --shift           | -1        | at least 0",
                "train | --rotate          | 181       | 0 to 180",
                "train | --jitter          | 1.5       | 0 to 1",
                "train | --cutout          | -1        | at least 0",
                "train | --mixup           | -1        | 0 or more",
                "train | --cutmix          | NaN       | 0 or more",
                "train | --validation      | 1         | below 1",
                "train | --workers         | 0         | at least 1",
                "train | --model           | vgg       | mlp-bn, lenet-bn, cnn-bn, vit-bn-tiny, resnet20,",
                "train | --model           | unet      | autoencoder",
                "train | --optimizer       | lion      | sgd, nesterov, adam, adamw",
                "train | --schedule        | linear    | constant, step, multistep",
                "train | --backend         | cuda      | onednn, vector, reference",
                "train | --dtype           | fp16      | f32, bf16, bf16-emulated",
                "train | --data            | imagenet  | mnist:DIR",
                "train | --data            | digits:0  | above 0",
                "bench | --workload        | vgg       | resnet20, resnet18-cifar, resnet50, mlp",
                "bench | --seconds         | 0         | above 0",
                "bench | --batch           | -1        | at least 1",
                "verify| --threads         | 0         | at least 1",
                "peak  | --threads         | 0         | 1 to 1024",
                "peak  | --threads         | 1025      | 1 to 1024",
            })
    void wrongValues(String command, String option, String value, String expected) {
        Ondine.Outcome run = Ondine.run(command, option, value);
        assertEquals(2, run.code(), run.err());
        assertTrue(run.err().contains("'" + option), run.err());
        assertTrue(run.err().contains(expected), run.err());
        assertEquals("", run.out());
    }

    @Test
    void optionsThatDoNotGoTogether() {
        Ondine.Outcome run = Ondine.run("train", "--optimizer", "adam", "--momentum", "0.9");
        assertEquals(2, run.code());
        assertTrue(run.err().contains("--momentum"), run.err());
    }

    @Test
    void batchLargerThanTheData() throws IOException {
        Path out = folder.resolve("run");
        Ondine.Outcome run = Ondine.run("train", "--data", "digits:50,10", "--batch", 51, "--out", out);
        assertEquals(2, run.code());
        assertTrue(run.err().contains("'--batch'") && run.err().contains("50"), run.err());
        assertFalse(Files.exists(out), "nothing was done: no empty folder stays behind");
    }

    @Test
    void unknownOptionsAndCommandsGetSuggestions() {
        Ondine.Outcome option = Ondine.run("train", "--epoch", "3");
        assertEquals(2, option.code());
        assertTrue(option.err().contains("--epochs"), option.err());
        Ondine.Outcome command = Ondine.run("trian");
        assertEquals(2, command.code());
        assertTrue(command.err().contains("ondine train"), command.err());
        assertEquals(2, Ondine.run().code());
        assertEquals(2, Ondine.run("eval").code());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "train",
                "eval",
                "report",
                "predict",
                "doctor",
                "study",
                "verify",
                "bench",
                "profile",
                "explain",
                "peak",
                "info",
                "loadtest"
            })
    void help(String command) {
        Ondine.Outcome run = Ondine.run(command, "--help");
        assertEquals(0, run.code());
        assertTrue(run.out().startsWith("Usage: ondine " + command), run.out());
        assertEquals("", run.err());
    }

    @Test
    void helpNamesEveryCommand() {
        Ondine.Outcome run = Ondine.run("--help");
        assertEquals(0, run.code());
        assertTrue(
                Stream.of(
                                "train",
                                "eval",
                                "report",
                                "predict",
                                "doctor",
                                "study",
                                "verify",
                                "bench",
                                "profile",
                                "explain",
                                "peak",
                                "info",
                                "loadtest")
                        .allMatch(run.out()::contains),
                run.out());
        assertEquals(0, Ondine.run("--version").code());
    }

    @Test
    void filesThatAreNotThere() {
        Path missing = folder.resolve("missing");
        for (String kind : new String[] {"mnist:", "cifar10:", "images:"}) {
            Ondine.Outcome run = Ondine.run("train", "--data", kind + missing, "--out", folder.resolve("run"));
            assertEquals(1, run.code());
            assertTrue(run.err().contains(missing.toString()), run.err());
            assertEquals(1, run.err().lines().count(), run.err());
        }
        Ondine.Outcome eval = Ondine.run("eval", "--checkpoint", missing);
        assertEquals(1, eval.code());
        assertTrue(eval.err().contains(missing + ": there is no such file"), eval.err());
    }

    @Test
    void stackTracesOnlyOnRequest() {
        Path missing = folder.resolve("missing");
        assertFalse(Ondine.run("eval", "--checkpoint", missing).err().contains("\tat "));
        assertTrue(Ondine.run("eval", "--debug", "--checkpoint", missing).err().contains("\tat "));
    }
}
