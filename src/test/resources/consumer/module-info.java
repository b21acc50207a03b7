/** A user of the library, as small as it gets. */
module consumer {
    requires dev.ondine;
}
