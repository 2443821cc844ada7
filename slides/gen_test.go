package slides

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing/fstest"
)

// generate makes a workshop of n slides with the proportions of a real one: 281 fences, 52 steps and
// about 430 bytes a slide for 385 slides. The same n gives the same text.
func generate(n int) fstest.MapFS {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	fsys := fstest.MapFS{}
	var manifest strings.Builder
	manifest.WriteString("title: Generated\nname: gen\nchapters:\n")
	const perFile = 20
	for f := 0; f*perFile < n; f++ {
		var b strings.Builder
		for i := f * perFile; i < min((f+1)*perFile, n); i++ {
			if i > f*perFile {
				b.WriteString("\n---\n\n")
			}
			writeSlide(&b, r, i)
		}
		name := fmt.Sprintf("part%03d.md", f)
		fsys[name] = &fstest.MapFile{Data: []byte(b.String())}
		fmt.Fprintf(&manifest, "- title: Part %d\n  file: %s\n", f, name)
	}
	fsys["workshop.yaml"] = &fstest.MapFile{Data: []byte(manifest.String())}
	return fsys
}

var shellLines = []string{"docker compose up -d --scale worker=%d", "curl -s localhost:80%02d | head -c %[1]d > /dev/null",
	"for N in $(seq 1 %d); do echo \"node$N\" | tee -a list; done", "export DOCKER_HOST=tcp://node%d:55555", "docker service ls --format '{{.Name}}'  # %d of them",
	"while sleep %d; do docker ps -q | wc -l; done"}

func writeSlide(b *strings.Builder, r *rand.Rand, i int) {
	fmt.Fprintf(b, "## Slide number %d about %s\n\n", i, words(r, 3))
	for k := 0; k < 2+r.IntN(3); k++ {
		fmt.Fprintf(b, "- %s `%s` %s\n", words(r, 5), words(r, 1), words(r, 6))
	}
	b.WriteByte('\n')
	if i%7 == 0 {
		b.WriteString("--\n\n")
	}
	if i%4 != 0 {
		b.WriteString("```bash\n")
		for k := 0; k < 1+r.IntN(3); k++ {
			n := 1 + r.IntN(99)
			line := shellLines[r.IntN(len(shellLines))]
			fmt.Fprintf(b, line+"\n", n)
		}
		b.WriteString("```\n")
	}
	if i%9 == 0 {
		fmt.Fprintf(b, "\n::: exercise {#ex-%d minutes=3}\n%s\n\n```checks\n- says: it runs\n  that: node1.ran(\"x%d\")\n```\n:::\n", i, words(r, 9), i)
	}
	if i%5 == 0 {
		fmt.Fprintf(b, "\n.warning[%s\n%s]\n", words(r, 8), words(r, 8))
	}
	if i%3 == 0 {
		fmt.Fprintf(b, "\n???\n\n%s **%s**.\n", words(r, 20), words(r, 2))
	}
}

var vocabulary = strings.Fields("container image service node swarm network volume engine worker balancer port redis stack task compose file deploy scale update health log")

func words(r *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = vocabulary[r.IntN(len(vocabulary))]
	}
	return strings.Join(out, " ")
}
