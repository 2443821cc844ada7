package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// errAsleep ends a life of the Engine that nobody needs now.
var errAsleep = errors.New("the Engine sleeps")

// use keeps the Engine awake until the returned function is called, which may
// happen more than once.
func (e *engine) use() (release func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users++
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.users--; e.users == 0 {
			e.idle = time.Now()
		}
	})
}

// idleLooks is how many times in its idle time an Engine is looked at.
const idleLooks = 4

// untilIdle waits for the Engine's end. It is put to sleep when nobody has been connected for
// Idle and it has nothing to do; what it keeps is on the disk.
func (e *engine) untilIdle(ctx context.Context, client *http.Client, exited <-chan struct{}) error {
	e.touch()
	var look <-chan time.Time
	if e.cfg.Idle > 0 {
		ticker := time.NewTicker(e.cfg.Idle / idleLooks)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look:
			if e.unused() && !e.member() && empty(ctx, client) && e.fallAsleep() {
				return errAsleep
			}
		}
	}
}

func (e *engine) touch() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = time.Now()
}

func (e *engine) unused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.users == 0 && time.Since(e.idle) >= e.cfg.Idle
}

// fallAsleep decides: from here on a connection wakes it again. It fails when
// somebody came meanwhile.
func (e *engine) fallAsleep() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users > 0 {
		return false
	}
	select {
	case <-e.want: // of somebody who has long got what they wanted
	default:
	}
	e.become(EngineStatus{State: EngineAsleep})
	return true
}

// empty reports whether the Engine has no container, not even a stopped one: a
// start may bring those back that are to be restarted.
func empty(ctx context.Context, c *http.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://engine/containers/json?all=1&limit=1", nil)
	if err != nil {
		return false
	}
	res, err := c.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	var list []json.RawMessage
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&list)
	return err == nil && res.StatusCode == http.StatusOK && len(list) == 0
}
