/** What a backend is: it compiles a graph into a plan, and a plan runs. */
package dev.ondine.backend;
