# frozen_string_literal: true

require_relative "dockerfile"
require_relative "root"

module Verify
  # Carries out a Dockerfile without Docker: each stage in a root of its own.
  class Image
    # What the last stage says about the process.
    Settings = Struct.new(:workdir, :user, :stop_signal, :command)

    # @return [Root] of the last stage
    attr_reader :root
    # @return [Settings]
    attr_reader :settings

    # @param dir [String] for its files
    # @param layers [Array<String>] the image of FROM
    # @param context [String] the directory of the application
    # @param env [Hash{String=>String}] of the image
    def initialize(dir, layers:, context:, env:)
      @dir = dir
      @layers = layers
      @context = context
      @env = env
      @roots = {}
    end

    # @param dockerfile [Dockerfile]
    # @return [self]
    def build(dockerfile)
      dockerfile.stages.each_with_index { |stage, number| carry_out(stage, number) }
      self
    end

    def close
      @roots.each_value(&:close)
    end

    private

    def carry_out(stage, number)
      puts "FROM #{stage.image}#{" AS #{stage.name}" if stage.name}"
      @root = @roots[stage.name || number.to_s] = Root.new(File.join(@dir, "stage-#{number}"), @layers, @env)
      @settings = Settings.new("/", "root", "SIGTERM", nil)
      stage.steps.each { |step| send(step.instruction.downcase, step) }
    end

    def workdir(step)
      @settings.workdir = step.argument
      FileUtils.mkdir_p(@root.file(step.argument))
    end

    def run(step) = @root.run(step.argument, workdir: @settings.workdir, user: @settings.user)
    def user(step) = @settings.user = step.argument
    def stopsignal(step) = @settings.stop_signal = step.argument
    def cmd(step) = @settings.command = step.words

    def copy(step)
      puts "COPY #{step.argument}"
      *sources, target = step.operands
      from = step.options["from"] ? @roots.fetch(step.options["from"]).path : @context
      target = File.expand_path(target, @settings.workdir)
      sources.each do |source|
        path = File.join(from, source)
        # The content of a directory, as COPY has it.
        path = File.join(path, ".") if File.directory?(path)
        FileUtils.mkdir_p(@root.file(File.directory?(path) ? target : File.dirname(target)))
        FileUtils.cp_r(path, @root.file(target))
      end
      owner = step.options["chown"]
      @root.run("chown -R #{owner}: #{target}", workdir: "/") if owner
    end
  end
end
