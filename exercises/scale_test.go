package exercises

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"slipway/workshop"
)

// asleepNode is a node of which nothing comes but what the benchmark posts.
type asleepNode struct {
	testNode
}

func (n *asleepNode) Events(ctx context.Context, _ uint64, f func(NodeEvent)) error {
	f(NodeEvent{Epoch: "one", Engine: EngineAsleep})
	<-ctx.Done()
	return ctx.Err()
}

// BenchmarkThousandLabs is one event in one of 1,000 labs, from the mirror's
// news to the verdict, with a workshop of 100 exercises: at one event a
// second in each lab, the time of one operation is the share of a core that
// judging takes, in milliseconds.
func BenchmarkThousandLabs(b *testing.B) {
	var all []Exercise
	for i := range 100 {
		node := fmt.Sprintf("node%d", i%2+1)
		all = append(all, exercise(workshop.ExerciseID(fmt.Sprint("x", i)),
			fmt.Sprintf(`%s.service("rng").running == %d && %s.service("rng").published(80) == 8001`, node, i+2, node),
			fmt.Sprintf(`%s.ran("^docker compose up.* %d$")`, node, i)))
	}
	all = append(all, exercise("it", `node1.service("rng").running == 1`))
	book := aBook(b, all...)
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	labs := make([]*Watcher, 1000)
	verdicts := make(chan workshop.Verdict, 10_000)
	for i := range labs {
		labs[i] = NewWatcher(WatcherConfig{Book: book, Nodes: []Node{&asleepNode{testNode{name: "node1"}}, &asleepNode{testNode{name: "node2"}}},
			Verdict: func(v workshop.Verdict) {
				if v.Exercise == "it" {
					verdicts <- v
				}
			}})
		running.Go(func() { labs[i].Run(ctx) })
	}
	defer running.Wait()
	defer cancel()
	rng := &Container{Exists: true, Name: "rng", State: "running", Labels: map[string]string{labelService: "rng"}}
	states := []*DockerState{
		{Engine: EngineRunning, Filled: true, Current: true, Swarm: &Swarm{}},
		{Engine: EngineRunning, Filled: true, Current: true, Swarm: &Swarm{}, Containers: []*Container{rng}},
	}
	for _, w := range labs {
		w.post("node1", states[0], allTopics)
		w.post("node1", states[1], allTopics)
		<-verdicts
	}
	running.Go(func() { // verdicts of the benchmark itself
		for {
			select {
			case <-verdicts:
			case <-ctx.Done():
				return
			}
		}
	})
	i := 0
	for b.Loop() {
		w := labs[i%len(labs)]
		w.post("node1", states[i/len(labs)%2], []string{topicContainers})
		i++
		if i%len(labs) == 0 { // every lab has its event before any has the next
			for _, w := range labs {
				for {
					w.mu.Lock()
					waiting := len(w.box.docker)
					w.mu.Unlock()
					if runtime.Gosched(); waiting == 0 {
						break
					}
				}
			}
		}
	}
	b.ReportMetric(1e6, "goal") // one core for one event a second in each lab
}
