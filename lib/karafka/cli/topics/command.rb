# frozen_string_literal: true

module Karafka
  module Cli
    module Topics
      # What changes topics: `karafka topics plan`, `migrate`, `align`, `create`, `repartition`, `delete`, `reset`.
      class Command
        # With `--detailed-exitcode`: something was, or is to be, changed.
        CHANGED = 2
        # Of 2.x: in which order a topic is made right.
        MIGRATION = %i[create repartition].freeze

        include Cluster

        # @return [Integer] exit status
        def plan
          plan = planned
          show(plan)
          status(plan)
        end

        # @param kinds [Array<Symbol>] of {Plan::Step}
        # @return [Integer] exit status
        def apply(*kinds)
          plan = planned.only(*kinds)
          show(plan)
          return status(plan) if dry_run? || plan.empty?

          plan.steps.each { |step| take(step) }
          say_done(plan)
          status(plan)
        end

        # @return [Integer] exit status
        def migrate = apply(*MIGRATION)

        # @return [Integer] exit status
        def align = apply(:alter)

        # @return [Integer] exit status
        def create = apply(:create)

        # @return [Integer] exit status
        def repartition = apply(:repartition)

        # Deletes the declared topics.
        # @param again [Boolean] and creates them as they are declared
        # @return [Integer] exit status
        def delete(again: false)
          names = managed.keys & admin.topics.names
          created = again ? managed : {}
          return nothing if names.empty? && created.empty?
          return FAILED unless names.empty? || dry_run? || allowed?(names)

          replace(names, created)
          json(deleted: names, created: created.keys, dry_run: dry_run?) if json?
          @options[:detailed_exitcode] ? CHANGED : OK
        end

        private

        def dry_run? = @options[:dry_run] || false

        def replace(names, created)
          names.each { |name| carry_out("- #{name}", :red) { admin.delete_topic(name) } }
          created.each { |name, declaration| carry_out("+ #{name}", :green) { make(name, declaration) } }
        end

        # Unless it is only to be shown. The lines are for people: programs get all of it at the end.
        def carry_out(line, colour)
          yield unless dry_run?
          @terminal.say @terminal.paint(line, colour) unless json?
        end

        def planned
          if managed.empty?
            raise Errors::CommandError, "no topic is declared: add `config partitions: 3` to a topic in the routes, or " \
                                        "`Karafka::App.declaratives.draw { topic(:name) { partitions 3 } }`"
          end

          names = managed.keys & admin.topics.names
          settings = configs(names)
          Plan.between(managed, admin.topics.infos(names).to_h do |info|
                                  [info[:topic_name], existing(info, settings.fetch(info[:topic_name]))]
                                end)
        end

        def existing(info, settings)
          Plan::Existing.new(partitions: info[:partition_count], replication_factor: replicas(info),
                             config: settings.to_h { |setting| [setting.name, setting.value.to_s] })
        end

        def show(plan)
          return json(plan.to_h) if json?

          @terminal.say(*plan.lines.map { |colour, line| @terminal.paint(line, colour) })
          @terminal.say "#{managed.size} declared topics, nothing to do" if plan.empty?
        end

        def status(plan) = @options[:detailed_exitcode] && !plan.empty? ? CHANGED : OK

        def take(step)
          case step.kind
          when :create then make(step.topic, step.to)
          when :repartition then admin.create_partitions(step.topic, step.to)
          when :alter then alter(step)
          end
        end

        def make(name, declaration)
          admin.create_topic(name, declaration.partitions, declaration.replication_factor, declaration.details)
        end

        def alter(step)
          resource = Admin::Configs::Resource.new(type: :topic, name: step.topic)
          step.to.each { |name, value| resource.set(name, value) }
          admin.configs.alter(resource)
        end

        def say_done(plan)
          @terminal.say "#{Amount.of(plan.steps.map(&:topic).uniq.size, "topic")} changed" unless json?
        end

        def nothing
          return json(deleted: [], created: [], dry_run: dry_run?) if json?

          @terminal.say "None of the #{managed.size} declared topics exists, nothing to do"
          OK
        end

        def allowed?(names)
          word = names.size == 1 ? names.first : "#{names.size} topics"
          Consent.given?(@terminal, @options, "deletes #{names.join(", ")} with all messages", word, otherwise: "Nothing was deleted")
        end
      end
    end
  end
end
