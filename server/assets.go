package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"slipway/workshop"
)

// manifest is Vite's list of what it built, by source file.
type manifest map[string]struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
}

// readManifest gives an empty one when there is no web build.
func readManifest(web fs.FS) manifest {
	built := manifest{}
	if web == nil {
		return built
	}
	raw, err := fs.ReadFile(web, ".vite/manifest.json")
	if err != nil || json.Unmarshal(raw, &built) != nil {
		return manifest{}
	}
	return built
}

// pageFiles is what a page loads of the web build.
type pageFiles struct {
	Script  string
	Preload []string
	Styles  []string
}

// of finds the files of a page. Nothing built gives nothing.
func (m manifest) of(page string) pageFiles {
	entry, ok := m["src/pages/"+page+".ts"]
	if !ok {
		return pageFiles{}
	}
	files := pageFiles{Script: "/" + entry.File}
	seen := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, css := range m[name].CSS {
			files.Styles = append(files.Styles, "/"+css)
		}
		for _, needed := range m[name].Imports {
			if !seen[needed] {
				files.Preload = append(files.Preload, "/"+m[needed].File)
			}
			add(needed)
		}
	}
	add("src/pages/" + page + ".ts")
	return files
}

// zipped keeps files that were compressed once. Only files of the web build get
// in, so its size is bounded by that.
type zipped struct {
	mu    sync.Mutex
	files map[string][]byte
}

func (z *zipped) get(name string, content []byte) []byte {
	z.mu.Lock()
	defer z.mu.Unlock()
	if small, ok := z.files[name]; ok {
		return small
	}
	small := compress(content, gzip.BestCompression)
	z.files[name] = small
	return small
}

func compress(content []byte, level int) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, level)
	w.Write(content)
	w.Close()
	return out.Bytes()
}

func takesGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

// asset serves the web build. Its names carry hashes of their content.
func (s *Server) asset(w http.ResponseWriter, r *http.Request, c caller) error {
	if s.cfg.Web == nil {
		return workshop.Errorf(workshop.Unknown, "There is no such file.")
	}
	return s.serveFile(w, r, s.cfg.Web, "assets/"+r.PathValue("path"), "public, max-age=31536000, immutable", true)
}

// maxAsset bounds a file that is served from memory.
const maxAsset = 16 << 20

// serveFile serves one file by its ETag; with zip, compressed where that helps,
// which is for the web build alone: what was compressed is kept.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, from fs.FS, name, cache string, zip bool) error {
	missing := workshop.Errorf(workshop.Unknown, "There is no such file.")
	if !fs.ValidPath(name) {
		return missing
	}
	file, err := from.Open(name)
	if err != nil {
		return missing
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxAsset {
		return missing
	}
	content, err := io.ReadAll(io.LimitReader(file, maxAsset))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", cache)
	h.Set("Content-Type", typeOf(name))
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if strings.HasSuffix(name, ".svg") { // opened by itself, a picture must not run anything
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	}
	if takesGzip(r) && zippable(name) && len(content) > 1000 && zip {
		h.Set("Content-Encoding", "gzip")
		content = s.zipped.get(name, content)
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.Write(content)
	return nil
}

// typeOf names a file's type without asking the machine, whose lists differ.
func typeOf(name string) string {
	known := map[string]string{
		".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
		".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
		".woff2": "font/woff2", ".json": "application/json", ".txt": "text/plain; charset=utf-8", ".wasm": "application/wasm",
		".map": "application/json", ".ico": "image/x-icon", ".webmanifest": "application/manifest+json",
	}
	ext := strings.ToLower(path.Ext(name))
	if t, ok := known[ext]; ok {
		return t
	}
	if t := mime.TypeByExtension(ext); t != "" && !strings.HasPrefix(t, "text/html") {
		return t
	}
	return "application/octet-stream"
}

func zippable(name string) bool {
	switch path.Ext(name) {
	case ".js", ".mjs", ".css", ".svg", ".json", ".txt", ".map", ".wasm":
		return true
	}
	return false
}

// writeZipped answers JSON, compressed when it is long.
func (s *Server) writeZipped(w http.ResponseWriter, r *http.Request, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]errorBody{"error": explain(err)})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	s.writeBytes(w, r, raw)
}

// writeBytes answers bytes, compressed when that is worth it.
func (s *Server) writeBytes(w http.ResponseWriter, r *http.Request, raw []byte) {
	w.Header().Set("Vary", "Accept-Encoding")
	if len(raw) > 1000 && takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		raw = compress(raw, gzip.BestSpeed)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.Write(raw)
}
