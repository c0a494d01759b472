package models

import (
	"archive/zip"
	"context"
	"fmt"
)

// extractZip unpacks the wanted files of a zip archive (a wheel is one) into the
// folder to, as [extract] does for the others.
func extractZip(ctx context.Context, archive, to string, files []File) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return archiveError(ctx, err)
	}
	defer z.Close()
	if len(z.File) > maxEntries {
		return archiveError(ctx, fmt.Errorf("it has %d entries", len(z.File)))
	}
	inside := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		inside[f.Name] = f
	}
	for _, file := range files {
		entry, ok := inside[file.Inside]
		if !ok {
			return archiveError(ctx, fmt.Errorf("it does not hold %s", file.Inside))
		}
		if !entry.Mode().IsRegular() {
			return archiveError(ctx, fmt.Errorf("%s is no regular file", file.Inside))
		}
		if err := extractEntry(ctx, entry, to, file); err != nil {
			return err
		}
	}
	return nil
}

func extractEntry(ctx context.Context, entry *zip.File, to string, file File) error {
	if entry.UncompressedSize64 > maxUnpacked {
		return archiveError(ctx, fmt.Errorf("%s has %d bytes", entry.Name, entry.UncompressedSize64))
	}
	r, err := entry.Open()
	if err != nil {
		return archiveError(ctx, err)
	}
	defer r.Close()
	return extractFile(ctx, &ctxReader{ctx, r}, int64(entry.UncompressedSize64), to, file)
}
