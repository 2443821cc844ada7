package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"gopkg.in/natefinch/lumberjack.v2"

	"slipway/lab"
	"slipway/server"
	"slipway/store"
	"slipway/web"
	"slipway/workshop"
)

// nodeNames are the nodes of every lab.
var nodeNames = []string{"node1", "node2", "node3", "node4", "node5"}

// serveCommand is the server itself, which "slipway up" starts in the background.
func serveCommand() *cobra.Command {
	var s settings
	cmd := &cobra.Command{
		Use: "serve", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), &s, strings.Join(serveArguments(cmd.Flags()), " "))
		},
	}
	s.where(cmd.Flags())
	s.nodes(cmd.Flags())
	s.serving(cmd.Flags())
	return cmd
}

// serverLog writes JSON lines to a file that stays below 5 x 10 MiB.
func serverLog(s *settings) (*slog.Logger, io.Closer) {
	file := &lumberjack.Logger{Filename: filepath.Join(s.data, "server.log"), MaxSize: 10, MaxBackups: 4}
	return slog.New(slog.NewJSONHandler(file, nil)), file
}

// serve wires the rooms together and runs them until ctx ends.
func serve(ctx context.Context, s *settings, arguments string) error {
	log, logFile := serverLog(s)
	defer logFile.Close()
	journal, err := store.OpenFile(s.data, log)
	if err != nil {
		return err
	}
	defer journal.Close()
	content, err := loadContent(s.workshop, log)
	if err != nil {
		return err
	}
	session, err := currentSession(ctx, journal, content, s.selfPaced)
	if err != nil {
		return err
	}
	host, err := lab.New(s.labConfig(nil, log))
	if err != nil {
		return err
	}
	defer host.Close()
	if err := host.Attach(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return workshop.Errorf(workshop.Conflict, "The server can't listen on %s: another program may use it. Choose another with --listen.", s.listen).Because(err)
	}
	labs := newKeeper(host, journal, content, log)
	if labs.images, err = openImages(s, log); err != nil {
		listener.Close()
		return err
	}
	defer labs.images.Close()
	srv, err := newServer(s, listener, journal, labs, content, log)
	if err != nil {
		listener.Close()
		return err
	}
	if err := announce(s, session, listener.Addr().String(), arguments); err != nil {
		listener.Close()
		return err
	}
	defer os.Remove(statePath(s))
	return run(ctx, log, srv, labs, host)
}

// run serves until ctx ends and then stops in order: the server first, so that
// browsers are told and nothing new comes, then what watches labs, then the
// care for the host. The journal is closed by the caller. Labs stay.
func run(ctx context.Context, log *slog.Logger, srv *server.Server, labs *keeper, host *lab.Host) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var inner errgroup.Group
	inner.Go(func() error { return labs.Run(background) })
	inner.Go(func() error { return host.Run(background) })
	inner.Go(func() error { return runRegistry(background, labs.images, host, log) })
	log.Info("serving")
	err := srv.Run(ctx)
	stop()
	err = errors.Join(err, inner.Wait())
	log.Info("stopped", "err", err)
	return err
}

func newServer(s *settings, listener net.Listener, journal *store.File, labs *keeper, content *content, log *slog.Logger) (*server.Server, error) {
	secret, err := journal.Secret("ports")
	if err != nil {
		return nil, err
	}
	return server.New(server.Config{
		Listener: listener, Journal: journal, Decks: content, Labs: labs, Judge: labs, Coach: labs, Casts: journal, Web: web.Dist(),
		Secret: secret, AppsHost: s.appsHost(listener.Addr().String()), TLS: strings.HasPrefix(s.public, "https://"),
		Nodes: nodeNames, Version: version, Log: log,
	})
}

// appsHost is the host below which every name reaches this server: browsers
// resolve any name below localhost to this machine. Elsewhere the operator's DNS
// must say so, and --apps-host tells.
func (s *settings) appsHost(listening string) string {
	if s.apps != "" {
		return s.apps
	}
	host, port, err := net.SplitHostPort(listening)
	if ip := net.ParseIP(host); err != nil || s.public != "" || ip == nil || !ip.IsLoopback() {
		return ""
	}
	return "localhost:" + port
}

// currentSession finds the session that goes on, or begins one.
func currentSession(ctx context.Context, journal *store.File, content *content, selfPaced bool) (*workshop.Session, error) {
	ids, err := journal.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	name, title := content.deck.Name, content.deck.Title
	for _, id := range ids {
		progress := workshop.NewProgress()
		if err := journal.Read(ctx, id, 1, func(e workshop.Event) error { progress.Apply(e); return nil }); err != nil {
			return nil, err
		}
		if found := progress.Session; found != nil && !progress.Ended && found.Workshop == name && found.SelfPaced == selfPaced {
			return found, nil
		}
	}
	session := &workshop.Session{
		ID: workshop.SessionID(workshop.NewID()), Workshop: name, Title: title, SelfPaced: selfPaced,
		JoinCode: workshop.NewJoinCode(), Secret: workshop.NewSecret(), Created: time.Now().UTC(),
	}
	_, err = journal.Append(ctx, session.ID, workshop.Event{Kind: workshop.SessionCreated, Session: session})
	return session, err
}

// announce leaves the addresses for the commands at the shell.
func announce(s *settings, session *workshop.Session, listening, arguments string) error {
	identity, err := programIdentity()
	if err != nil {
		return err
	}
	base := s.publicURL(listening)
	state := serverState{PID: os.Getpid(), Binary: identity, Settings: arguments, Asked: s.listen, Listen: listening}
	if session.SelfPaced {
		state.Self = base + "/self#key=" + session.Secret
	} else {
		state.Instructor = base + "/instructor#key=" + session.Secret
		state.Join = base + "/j/" + session.JoinCode
		state.JoinCode = session.JoinCode
	}
	return writeState(s, state)
}
