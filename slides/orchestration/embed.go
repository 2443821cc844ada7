// Package orchestration is the text of the built-in workshop: a manifest
// (workshop.yaml), one Markdown file a chapter, and pictures in images/. It
// contains no program; package slides reads the files, docs/authoring.md
// explains their format.
package orchestration

import "embed"

// FS holds the workshop's files; workshop.yaml is at its root. It is read-only
// and safe for concurrent use.
//
//go:embed workshop.yaml *.md images/*.svg
var FS embed.FS
