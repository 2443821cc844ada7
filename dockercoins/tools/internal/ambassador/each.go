package ambassador

import (
	"errors"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
)

func notFound(err error) bool { return cerrdefs.IsNotFound(err) }

// each does something for every element, ten at once, and answers all errors.
func each[T any](list []T, do func(int, T) error) error {
	errs := make([]error, len(list))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, v := range list {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = do(i, v)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
