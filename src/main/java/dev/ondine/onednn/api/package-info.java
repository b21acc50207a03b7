/**
 * A typed view of oneDNN's C interface, and the only package that touches the generated bindings.
 *
 * <ul>
 *   <li>{@link dev.ondine.onednn.api.OneDnn#load()} finds, checks and loads the library; every factory here calls it.
 *   <li>A native object is a pointer whose destroyer runs when the {@link java.lang.foreign.Arena} that it was created
 *       in closes; whoever made the arena closes it. Use after that is an {@link java.lang.IllegalStateException}.
 *   <li>A status that is not success becomes a {@link dev.ondine.onednn.api.OneDnnException} naming the primitive, the
 *       shapes and types, and what to do.
 * </ul>
 *
 * The way to a run: memory descriptors, a {@link dev.ondine.onednn.api.PrimitiveRequest} from one of the factories
 * ({@link dev.ondine.onednn.api.Convolutions}, {@link dev.ondine.onednn.api.BatchNormalizations}, …), from that a
 * {@link dev.ondine.onednn.api.PrimitiveDescriptor}, which says what layouts it wants; a
 * {@link dev.ondine.onednn.api.Primitive}; and an {@link dev.ondine.onednn.api.Execution}, which binds its arguments
 * once.
 */
package dev.ondine.onednn.api;
