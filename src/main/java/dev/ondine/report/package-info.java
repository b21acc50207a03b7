/** Pages and pictures: what was measured, for people to look at. Each is one file that needs nothing else. */
package dev.ondine.report;
