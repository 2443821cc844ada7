package dockercoins

import (
	"math"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// N workers and k rng make min(N/0.3, 10k) hashes a second, with real
// processes that share this machine. Ten workers get no further than ten with
// one rng, and it is a second rng that lifts them: nothing else changes.
func TestSpeed(t *testing.T) {
	t.Parallel()
	mines := []*mine{
		startMine(t, 1, 1), startMine(t, 2, 1), startMine(t, 5, 1),
		startMine(t, 4, 2), startMine(t, 10, 3), startMine(t, 10, 1),
	}
	expectSpeeds(t, mines)

	tenWorkers := mines[len(mines)-1]
	_, second := startService(t, "rng")
	tenWorkers.addRng(second)
	tenWorkers.rngs++
	expectSpeeds(t, []*mine{tenWorkers})
}

// A mine is the whole application, as processes.
type mine struct {
	workers, rngs int
	redis         *redis.Client
	addRng        func(address string)
}

func startMine(t *testing.T, workers, rngs int) *mine {
	t.Helper()
	_, socket, client := startRedis(t)
	_, hasher := startService(t, "hasher")
	var backends []string
	for range rngs {
		_, address := startService(t, "rng")
		backends = append(backends, address)
	}
	robin, add := startRobin(t, backends...)
	for range workers {
		startWorker(t, robin, hasher, socket)
	}
	return &mine{workers, rngs, client, add}
}

// rounds is how often a speed is measured before it counts as too slow.
const rounds = 6

// expectSpeeds measures all mines at once, again where a result is too slow,
// and wants one within 5 percent of each: a busy machine may slow a measurement
// down, but nothing can speed one up, so one that is too fast fails at once.
func expectSpeeds(t *testing.T, mines []*mine) {
	t.Helper()
	slopes(t, mines, 2*time.Second) // let the line in front of rng build up
	for round := 1; len(mines) > 0; round++ {
		var slow []*mine
		for i, got := range slopes(t, mines, 10*time.Second) {
			m := mines[i]
			want := math.Min(float64(m.workers)/0.3, float64(10*m.rngs))
			t.Logf("%d workers, %d rng: %.2f hashes/s, want %.2f", m.workers, m.rngs, got, want)
			switch {
			case got > want*1.05, got < want*0.95 && round == rounds:
				t.Errorf("%d workers and %d rng make %.2f hashes/s, want %.2f within 5 %%",
					m.workers, m.rngs, got, want)
			case got < want*0.95:
				slow = append(slow, m)
			}
		}
		mines = slow
	}
}

// slopes returns the hashes per second of each mine over a time: the straight
// line that fits its counter best, because workers report in lumps.
func slopes(t *testing.T, mines []*mine, length time.Duration) []float64 {
	t.Helper()
	times, counts := make([][]float64, len(mines)), make([][]float64, len(mines))
	begin := time.Now()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(begin) < length {
		<-ticker.C
		for i, m := range mines {
			counts[i] = append(counts[i], hashes(t, m.redis))
			times[i] = append(times[i], time.Since(begin).Seconds())
		}
	}
	result := make([]float64, len(mines))
	for i := range mines {
		result[i] = slope(times[i], counts[i])
	}
	return result
}

// slope is the least-squares slope of y over x.
func slope(x, y []float64) float64 {
	meanX, meanY := mean(x), mean(y)
	var over, under float64
	for i := range x {
		over += (x[i] - meanX) * (y[i] - meanY)
		under += (x[i] - meanX) * (x[i] - meanX)
	}
	return over / under
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
