// Package models keeps the files that local engines need (models, voices and
// the inference library): it knows their versions and checksums, fetches them
// once, checks them, and says where they lie.
//
// The files lie outside the repository in one folder, see [Dir]. Each [Bundle]
// has a folder of its own there, named after its version, so that several
// versions of sori share one models folder in peace. A bundle is complete when
// its folder holds a SHA256SUMS that lists exactly what the manifest asks for:
// that file is written last, after all others are safely on the disk.
package models
