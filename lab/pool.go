package lab

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"slipway/workshop"
)

// The pool is labs that are ready and have no owner yet, so that whoever joins
// finds their nodes running. Taking one only writes down whose it is.

// takeWarm answers the key of a lab of the pool, now the owner's, or the
// owner's own id as the key of a lab to be made.
func (h *Host) takeWarm(ctx context.Context, owner Owner) (string, error) {
	unlock, err := h.lock(ctx, "pool")
	if err != nil {
		return "", err
	}
	defer unlock()
	for _, r := range h.records() {
		if !r.warm() || !fileExists(filepath.Join(h.cfg.labKeep(r.key), "ready")) {
			continue
		}
		if err := h.writeOwner(record{r.key, owner}); err != nil {
			return "", err
		}
		h.wakePool()
		return r.key, nil
	}
	h.wakePool()
	return owner.Lab, nil
}

// wakePool tells Run that the pool may have to be filled.
func (h *Host) wakePool() {
	select {
	case h.taken <- struct{}{}:
	default:
	}
}

// keepPool keeps Config.Warm labs ready until ctx ends. What fails is tried
// again more and more slowly, however many people join meanwhile.
func (h *Host) keepPool(ctx context.Context) {
	pause := time.Second
	for ctx.Err() == nil {
		err := h.fillPool(ctx)
		if err == nil {
			pause = time.Second
			select {
			case <-ctx.Done():
			case <-h.taken:
			case <-time.After(time.Minute):
			}
			continue
		}
		if ctx.Err() == nil {
			h.cfg.Log.Warn("no lab could be made ready in advance", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}

// fillPool makes labs until the pool is full. Labs of an older image, and those that were
// never finished, are removed first. One process at a time does it.
func (h *Host) fillPool(ctx context.Context) error {
	unlock, err := h.lock(ctx, "fill")
	if err != nil {
		return err
	}
	defer unlock()
	ready, err := h.weedPool(ctx)
	for ; err == nil && ready < h.cfg.Warm; ready++ {
		err = h.addWarm(ctx)
	}
	return err
}

// addWarm makes one lab for the pool.
func (h *Host) addWarm(ctx context.Context) error {
	if err := h.checkDisk(); err != nil {
		return err
	}
	key := warmPrefix + workshop.NewID()[:8]
	unlock, err := h.lock(ctx, "lab-"+key)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := h.ensureLab(ctx, record{key, Owner{Lab: key}}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(h.cfg.labKeep(key), "ready"), nil, 0o600)
}

// weedPool removes labs of the pool that can't be given to anybody and answers
// how many are left.
func (h *Host) weedPool(ctx context.Context) (int, error) {
	unlock, err := h.lock(ctx, "pool") // nobody may take what is being removed
	if err != nil {
		return 0, err
	}
	defer unlock()
	current, err := h.docker.ImageInspect(ctx, h.image())
	if err != nil {
		return 0, err
	}
	labs, err := h.list(ctx)
	if err != nil {
		return 0, err
	}
	waiting := map[string]bool{} // by key: fit to be given away
	for _, r := range h.records() {
		if r.warm() {
			waiting[r.key] = false
		}
	}
	for _, l := range labs {
		if l.warm() {
			waiting[l.ID] = h.fit(l, current.ID)
		}
	}
	left := 0
	for key, fit := range waiting {
		if fit && left < h.cfg.Warm {
			left++
		} else if err := h.Remove(ctx, key); err != nil {
			return left, err
		}
	}
	return left, nil
}

// fit reports whether a lab of the pool is finished, whole, running and of the
// present image.
func (h *Host) fit(l *Lab, image string) bool {
	if len(l.Nodes) != h.cfg.Nodes || !fileExists(filepath.Join(h.cfg.labKeep(l.ID), "ready")) {
		return false
	}
	for _, n := range l.Nodes {
		if n.image != image || n.State != "running" {
			return false
		}
	}
	return true
}
