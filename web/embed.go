// Package web holds the built browser side of Slipway: the scripts and styles
// that npm makes from src into dist, embedded into the binary.
//
// Dist/.vite/manifest.json names, for each page's entry such as
// src/pages/attendee.ts, the hashed files that the page loads. A checkout
// without a web build embeds an empty dist; the server then shows pages that
// read without scripts. The package imports nothing else of this module and
// has no state.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// Dist is the folder of the web build: assets/ with hashed names and
// .vite/manifest.json, or nothing but a .keep file when npm has not run. It is
// read-only and safe for concurrent use.
func Dist() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // can't happen: the folder is embedded above
	}
	return dist
}
