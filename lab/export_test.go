package lab

// SetLowDisk makes a host believe that the disk is almost full. Before Run.
func SetLowDisk(h *Host, bytes int64) { h.lowDisk = bytes }
