package lab

import (
	"context"
	"io"

	"slipway/lab/images"
)

// CachedImages tells what of the images is built, and what is missing.
func (h *Host) CachedImages() []images.Cached { return images.List(h.cfg.CacheDir) }

// LibraryArchives are the "docker save" archives that the labs' registry offers.
func (h *Host) LibraryArchives() []string { return images.Library(h.cfg.CacheDir) }

// ExportImages writes one file with all images, for a machine that has no network.
// They must have been built, which Up does.
func (h *Host) ExportImages(ctx context.Context, w io.Writer) error {
	return images.Export(ctx, h.cfg.CacheDir, w)
}

// ImportImages reads what ExportImages wrote; afterwards Up needs no network for
// images. It answers the names of the files it brought.
func (h *Host) ImportImages(ctx context.Context, r io.Reader) ([]string, error) {
	if err := h.prepareDirs(); err != nil {
		return nil, err
	}
	return images.Import(ctx, h.cfg.CacheDir, r)
}
