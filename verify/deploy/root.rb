# frozen_string_literal: true

require "fileutils"

module Verify
  # A directory with a whole system, as a container's: a layer of its own (overlayfs) above others. Needs the rights of root.
  class Root
    class Failed < StandardError; end

    # @return [String]
    attr_reader :path

    # @param dir [String] its files are below it
    # @param layers [Array<String>] the uppermost first
    # @param env [Hash{String=>String}] of all that runs in it
    def initialize(dir, layers, env)
      @path, upper, work = %w[root upper work].map { |name| File.join(dir, name).tap { |sub| FileUtils.mkdir_p(sub) } }
      @env = env
      @mounted = []
      mount(@path, "-t", "overlay", "overlay", "-o", "lowerdir=#{layers.join(":")},upperdir=#{upper},workdir=#{work}")
      # A real one: package scripts look into it, and a process of its own number space needs one of its own.
      mount(file("proc"), "-t", "proc", "proc")
    end

    # @param name [String] in it
    # @return [String] outside of it
    def file(name) = File.join(@path, name)

    # @param line [String] of a shell
    # @raise [Failed]
    def run(line, workdir:, user: "root")
      puts "RUN #{line}"
      system(*command(["sh", "-c", line], workdir: workdir, user: user)) || raise(Failed, "it failed: #{line}")
    end

    # Starts it as the first process of a container: number 1 of its own number space, the signals of which are ignored unless it asks
    # for them.
    # @return [Integer] the process that ends with its status; its child is the one that runs
    def start(words, workdir:, user:, env:, log:)
      first = ["unshare", "--fork", "--pid", "--kill-child", "--mount-proc=#{file("proc")}"]
      Process.spawn(*first, *command(words, workdir: workdir, user: user, env: env), out: [log, "a"], err: %i[child out], in: File::NULL)
    end

    def close
      system("umount", "--lazy", @mounted.pop) until @mounted.empty?
    end

    private

    def mount(at, *arguments)
      FileUtils.mkdir_p(at)
      system("mount", *arguments, at) || raise(Failed, "mount #{arguments.join(" ")} #{at} failed")
      @mounted << at
    end

    def command(words, workdir:, user:, env: {})
      home = user == "root" ? "/root" : "/home/#{user}"
      variables = { "HOME" => home, **@env, **env }.map { |name, value| "#{name}=#{value}" }
      ["chroot", "--userspec=#{user}", @path, "env", "-i", "-C", workdir, *variables, *words]
    end
  end
end
