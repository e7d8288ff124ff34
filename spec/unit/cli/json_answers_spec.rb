# frozen_string_literal: true

require "stringio"
require_relative "../../support/application"

# `--json` is for programs: one document, whatever the command does.
RSpec.describe Karafka::Cli, "--json of commands that change something" do
  include ApplicationHelpers

  let(:out) { StringIO.new }
  let(:groups) { instance_double(Karafka::Admin::ConsumerGroups, delete: nil, copy: true, rename: true) }
  let(:topics) { instance_double(Karafka::Admin::Topics, names: %w[orders others]) }
  let(:admin) do
    instance_double(Karafka::Admin, topics: topics, consumer_groups: groups, delete_topic: nil, create_topic: nil)
  end

  before do
    Karafka::App.declaratives.draw { %w[orders mails].each { |name| topic(name) { partitions 1 } } }
  end

  # @return [Array(Integer, Object)] exit status and the document
  def answer(klass, *call, **options)
    out.truncate(out.rewind)
    command = klass.new({ json: true, yes: true, **options }, terminal: Karafka::Cli::Terminal.new(out: out), admin: admin)
    status = command.public_send(*call)
    [status, JSON.parse(out.string)]
  end

  it "is the answer of karafka topics delete and reset" do
    command = Karafka::Cli::Topics::Command
    expect(answer(command, :delete)).to eq([0, { "deleted" => ["orders"], "created" => [], "dry_run" => false }])
    expect(admin).to have_received(:delete_topic).with("orders").once
    reset = Class.new(command) { def reset = delete(again: true) }
    expect(answer(reset, :reset, dry_run: true))
      .to eq([0, { "deleted" => ["orders"], "created" => %w[mails orders], "dry_run" => true }])
    expect(admin).not_to have_received(:create_topic)
    allow(topics).to receive(:names).and_return([])
    expect(answer(command, :delete)).to eq([0, { "deleted" => [], "created" => [], "dry_run" => false }])
  end

  it "is the answer of karafka groups delete, copy and rename" do
    command = Karafka::Cli::Groups::Command
    expect(answer(command, :delete, "shop")).to eq([0, { "deleted" => "shop" }])
    moved = { "from" => "shop", "to" => "new", "topics" => ["orders"] }
    expect(answer(command, :copy, "shop", "new", topic: ["orders"])).to eq([0, { "copied" => moved }])
    expect(answer(command, :rename, "shop", "new", topic: ["orders"])).to eq([0, { "renamed" => moved }])
  end
end
